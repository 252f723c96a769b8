// SPDX-License-Identifier: Apache-2.0

import ACPCore

// Parts, messages and artifacts of version 0.3.

extension A2A.V03 {
    /// The member of a part's metadata that tells that its data is no object: then it is in the member `value` of one. The Python
    /// SDK has the same.
    private static let wrappedData = "data_part_compat"

    /// Returns a part. If `nil`, it holds nothing that version 0.3 has.
    ///
    /// What has no place in version 0.3 is left out: the media type of a text.
    public static func object(_ part: A2A.Part) -> JSONObject? {
        var object: JSONObject
        var metadata = part.metadata
        switch part.content {
        case .text(let text): object = ["kind": "text", "text": .string(text)]
        case .data(.object(let members)): object = ["kind": "data", "data": .object(members)]
        case .data(let value):
            object = ["kind": "data", "data": ["value": value]]
            metadata = metadata ?? [:]
            metadata?[wrappedData] = true
        case .raw(let bytes): object = ["kind": "file", "file": .object(file(part, "bytes", Base64.text(bytes)))]
        case .url(let url): object = ["kind": "file", "file": .object(file(part, "uri", url))]
        case nil: return nil
        }
        object.set("metadata", metadata)
        return object
    }

    private static func file(_ part: A2A.Part, _ name: String, _ content: String) -> JSONObject {
        var file: JSONObject = [name: .string(content)]
        file.set("mimeType", part.mediaType)
        file.set("name", part.filename)
        return file
    }

    static func part(_ reader: V03Reader) throws(A2AError) -> A2A.Part {
        var metadata = try reader.object("metadata")
        switch try reader.text("kind") {
        case "text":
            guard let text = try reader.text("text") else { throw reader.fault("text", "a string is expected") }
            return A2A.Part(.text(text), metadata: metadata)
        case "data":
            guard let data = try reader.object("data") else { throw reader.fault("data", "an object is expected") }
            guard metadata?.removeValue(forKey: wrappedData) == true else {
                return A2A.Part(.data(.object(data)), metadata: metadata)
            }
            return A2A.Part(.data(data["value"] ?? .null), metadata: metadata?.isEmpty == true ? nil : metadata)
        case "file":
            guard let file = try reader.reader("file") else { throw reader.fault("file", "an object is expected") }
            let content: A2A.Part.Content
            switch (try file.text("bytes"), try file.text("uri")) {
            case (let text?, nil):
                guard let bytes = Base64.bytes(text) else { throw file.fault("bytes", "base64 is expected") }
                content = .raw(bytes)
            case (nil, let uri?): content = .url(uri)
            default: throw reader.fault("file", "one of bytes and uri is expected")
            }
            return A2A.Part(
                content, metadata: metadata, filename: try file.text("name")?.ifNotEmpty,
                mediaType: try file.text("mimeType")?.ifNotEmpty)
        default: throw reader.fault("kind", "text, file or data is expected")
        }
    }

    static func parts(_ reader: V03Reader) throws(A2AError) -> [A2A.Part] {
        var parts: [A2A.Part] = []
        for part in try reader.readers("parts") { parts.append(try Self.part(part)) }
        return parts
    }

    /// Returns a message.
    public static func object(_ message: A2A.Message) -> JSONObject {
        var object: JSONObject = [
            "kind": "message", "messageId": .string(message.id.rawValue), "role": .string(roleName(message.role)),
            "parts": .array(message.parts.compactMap { Self.object($0).map { .object($0) } }),
        ]
        object.set("contextId", message.contextID?.rawValue)
        object.set("taskId", message.taskID?.rawValue)
        object.set("metadata", message.metadata)
        object.set("extensions", message.extensions)
        object.set("referenceTaskIds", message.referenceTaskIDs.map(\.rawValue))
        return object
    }

    /// Reads a message.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func message(_ object: JSONObject) throws(A2AError) -> A2A.Message { try message(V03Reader(object)) }

    static func message(_ reader: V03Reader) throws(A2AError) -> A2A.Message {
        var role = A2A.Role.unspecified
        if let name = try reader.text("role") {
            guard let known = Self.role(named: name) else { throw reader.fault("role", "user or agent is expected") }
            role = known
        }
        return A2A.Message(
            id: A2A.MessageID(rawValue: try reader.requiredText("messageId")),
            contextID: try reader.text("contextId").map(A2A.ContextID.init(rawValue:))?.ifNotEmpty,
            taskID: try reader.text("taskId").map(A2A.TaskID.init(rawValue:))?.ifNotEmpty,
            role: role,
            parts: try parts(reader),
            metadata: try reader.object("metadata"),
            extensions: try reader.texts("extensions"),
            referenceTaskIDs: try reader.texts("referenceTaskIds").map(A2A.TaskID.init(rawValue:)))
    }

    /// Returns an artifact.
    public static func object(_ artifact: A2A.Artifact) -> JSONObject {
        var object: JSONObject = [
            "artifactId": .string(artifact.id.rawValue),
            "parts": .array(artifact.parts.compactMap { Self.object($0).map { .object($0) } }),
        ]
        object.set("name", artifact.name)
        object.set("description", artifact.description)
        object.set("metadata", artifact.metadata)
        object.set("extensions", artifact.extensions)
        return object
    }

    static func artifact(_ reader: V03Reader) throws(A2AError) -> A2A.Artifact {
        A2A.Artifact(
            id: A2A.ArtifactID(rawValue: try reader.requiredText("artifactId")),
            name: try reader.text("name")?.ifNotEmpty,
            description: try reader.text("description")?.ifNotEmpty,
            parts: try parts(reader),
            metadata: try reader.object("metadata"),
            extensions: try reader.texts("extensions"))
    }
}
