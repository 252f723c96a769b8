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

extension AwaitRequest {
    /// The question, if it is a message.
    public var message: Message? {
        if case .message(let message) = self { message } else { nil }
    }
}

extension AwaitResume {
    /// The answer, if it is a message.
    public var message: Message? {
        if case .message(let message) = self { message } else { nil }
    }
}
