// SPDX-License-Identifier: Apache-2.0

/// The question of an agent to its caller.
///
/// The specification allows any object; in practice it is a message. Any other object is kept as it was received.
public indirect enum AwaitRequest: AwaitPayload, Sendable, Hashable, Codable {
    // Indirect, because runs are copied often, and few of them have a question.

    /// A question in the form of a message.
    case message(Message)
    /// A question in another form.
    case other(JSONObject)

    /// Returns a request to authenticate, by means that the message describes, for example with a URL.
    ///
    /// Over ACP it looks like any other question. Its message has the member `"await": "authentication"`.
    public static func authentication(_ message: Message) -> AwaitRequest {
        var message = message
        message.extra["await"] = "authentication"
        return .message(message)
    }

    /// Whether the agent waits until its caller has authenticated.
    public var isAuthentication: Bool {
        guard case .message(let message) = self else { return false }
        return message.extra["await"] == "authentication"
    }
}

/// The answer of a caller to an ``AwaitRequest``.
public indirect enum AwaitResume: AwaitPayload, Sendable, Hashable, Codable {
    /// An answer in the form of a message.
    case message(Message)
    /// An answer in another form.
    case other(JSONObject)

    /// Checks the parts of the answer.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput``, naming the part.
    public func validate() throws(ACPError) {
        do {
            try message?.validate()
        } catch {
            throw ACPError(error.code, "await_resume.message.\(error.message)")
        }
    }
}

/// The form that questions and answers share: the JSON `{"type": "message", "message": {…}}`, or any other object.
package protocol AwaitPayload {
    static func message(_ message: Message) -> Self
    static func other(_ members: JSONObject) -> Self
}

extension AwaitRequest {
    /// The question as a message. If `nil`, it has another form.
    public var message: Message? {
        if case .message(let message) = self { message } else { nil }
    }
}

extension AwaitResume {
    /// The answer as a message. If `nil`, it has another form.
    public var message: Message? {
        if case .message(let message) = self { message } else { nil }
    }
}
