// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

// What A2A defines beyond ACP is stored with messages and parts, in their member `a2a`, an object. It is seen by ACP
// clients as an additional member.

/// The names of the members of `a2a`.
enum A2AMember {
    static let name = "a2a"

    // Of a message.
    static let messageID = "messageId"
    static let extensions = "extensions"
    static let referenceTaskIDs = "referenceTaskIds"
    /// The metadata of the request that the message came with.
    static let requestMetadata = "requestMetadata"
    /// The extensions that were active for the call.
    static let activeExtensions = "activeExtensions"
    static let idempotencyKey = "idempotencyKey"
    /// What an output message is used for, if it is not an artifact: see ``MessageUse``.
    static let use = "use"

    // Of a message, of a part, and of an artifact.
    static let metadata = "metadata"

    // Of a part.
    static let kind = "kind"
    static let mediaType = "mediaType"
    /// The artifact that the part belongs to: see ``ArtifactMarker``.
    static let artifact = "artifact"

    // Of a generic event.
    static let message = "message"
}

/// What an output message is used for, if it is not an artifact.
enum MessageUse: String {
    /// It is the message of the status in which the task ends.
    case status
    /// It is that, and the response to a message that began the task.
    case reply
}

extension JSONObject {
    /// The members that A2A defines beyond ACP, or `nil` if there are none.
    var a2a: JSONObject? {
        get { self[A2AMember.name]?.objectValue }
        set { set(A2AMember.name, newValue?.isEmpty == false ? newValue : nil) }
    }

    func text(_ name: String) -> String? { self[name]?.stringValue }

    func texts(_ name: String) -> [String] { self[name]?.arrayValue?.compactMap(\.stringValue) ?? [] }

    func object(_ name: String) -> JSONObject? { self[name]?.objectValue }

    // A member without a value is left out. It is not `null`, which the literal `nil` can mean as well.

    mutating func set(_ name: String, _ text: String?) {
        if let text { self[name] = .string(text) } else { removeValue(forKey: name) }
    }

    mutating func set(_ name: String, _ texts: [String]) {
        if texts.isEmpty { removeValue(forKey: name) } else { self[name] = .array(texts.map { .string($0) }) }
    }

    mutating func set(_ name: String, _ object: JSONObject?) {
        if let object { self[name] = .object(object) } else { removeValue(forKey: name) }
    }
}

extension JSONValue {
    /// Returns whether arrays and objects are nested deeper than a number of levels.
    func isNested(deeperThan levels: Int) -> Bool {
        switch self {
        case .array(let elements): levels == 0 || elements.contains { $0.isNested(deeperThan: levels - 1) }
        case .object(let members): levels == 0 || members.values.contains { $0.isNested(deeperThan: levels - 1) }
        default: false
        }
    }

    /// The number of levels to which values in messages may be nested, so that they can be part of each response.
    static let maximumLevels = ACPJSON.maximumDepth - 32
}
