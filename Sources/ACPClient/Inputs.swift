// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// What an agent can be called with: a string, a message, a part, or an array of those.
///
/// ```swift
/// try await client.run(agent: "echo", input: "Hello")
/// try await client.run(agent: "echo", input: Message(parts: [.text("Look:"), .data(png, contentType: "image/png")]))
/// ```
public protocol RunInput: Sendable {
    /// The messages that are sent.
    var inputMessages: [Message] { get }
}

/// What a run that asks something can be answered with: a string, a message, a part, or any object.
public protocol ResumeInput: Sendable {
    /// The answer that is sent.
    var awaitResume: AwaitResume { get }
}

extension String: RunInput, ResumeInput {
    /// One message of plain text from the user.
    public var inputMessages: [Message] { [Message(self)] }
    public var awaitResume: AwaitResume { .message(Message(self)) }
}

extension Message: RunInput, ResumeInput {
    public var inputMessages: [Message] { [self] }
    public var awaitResume: AwaitResume { .message(self) }
}

extension MessagePart: RunInput, ResumeInput {
    /// One message of this part from the user.
    public var inputMessages: [Message] { [Message(parts: [self])] }
    public var awaitResume: AwaitResume { .message(Message(parts: [self])) }
}

extension Array: RunInput where Element: RunInput {
    /// The messages of all elements, in order.
    public var inputMessages: [Message] { flatMap(\.inputMessages) }
}

extension AwaitResume: ResumeInput {
    public var awaitResume: AwaitResume { self }
}
