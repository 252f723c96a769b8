// SPDX-License-Identifier: Apache-2.0

/// What an agent asks of its caller.
///
/// The specification leaves the object free; in practice it is a message. Anything else is kept as it came.
public enum AwaitRequest: AwaitPayload {
    case message(Message)
    case other(JSONObject)
}

/// What a caller answers to an ``AwaitRequest``.
public enum AwaitResume: AwaitPayload {
    case message(Message)
    case other(JSONObject)

    /// Checks the answer's parts.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput``.
    public func validate() throws(ACPError) {
        do {
            try message?.validate()
        } catch {
            throw ACPError(error.code, "await_resume.message.\(error.message)")
        }
    }
}

/// What requests and resumes share: the JSON `{"type": "message", "message": {…}}`, or any other object.
public protocol AwaitPayload: Sendable, Hashable, Codable {
    static func message(_ message: Message) -> Self
    static func other(_ members: JSONObject) -> Self
}

private enum AwaitPayloadKeys: String, CodingKey {
    case type
    case message
}

extension AwaitPayload {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AwaitPayloadKeys.self)
        if (try? container.decode(String.self, forKey: .type)) == "message" {
            self = .message(try container.decode(Message.self, forKey: .message))
        } else {
            self = .other(try JSONObject(from: decoder))
        }
    }
}

extension AwaitRequest {
    /// The question, if it is a message.
    public var message: Message? {
        if case .message(let message) = self { message } else { nil }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .message(let message): try encodeAwaited(message, to: encoder)
        case .other(let members): try members.encode(to: encoder)
        }
    }
}

extension AwaitResume {
    /// The answer, if it is a message.
    public var message: Message? {
        if case .message(let message) = self { message } else { nil }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .message(let message): try encodeAwaited(message, to: encoder)
        case .other(let members): try members.encode(to: encoder)
        }
    }
}

private func encodeAwaited(_ message: Message, to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: AwaitPayloadKeys.self)
    try container.encode("message", forKey: .type)
    try container.encode(message, forKey: .message)
}
