// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The input of a run: a string, a message, a part, or an array of those.
///
/// ```swift
/// try await client.run(agent: "echo", input: "Hello")
/// try await client.run(agent: "echo", input: Message(parts: [.text("Look:"), .data(png, contentType: "image/png")]))
/// ```
public protocol RunInput: Sendable {
    /// The messages to send.
    var inputMessages: [Message] { get }
}

/// An answer to a run's question: a string, a message, a part, or an `AwaitResume` with any JSON object.
public protocol ResumeInput: Sendable {
    /// The answer to send.
    var awaitResume: AwaitResume { get }
}

extension String: RunInput, ResumeInput {
    /// A single user message of plain text.
    public var inputMessages: [Message] { [Message(self)] }
    /// A single user message of plain text.
    public var awaitResume: AwaitResume { .message(Message(self)) }
}

extension Message: RunInput, ResumeInput {
    /// The message itself.
    public var inputMessages: [Message] { [self] }
    /// The message itself.
    public var awaitResume: AwaitResume { .message(self) }
}

extension MessagePart: RunInput, ResumeInput {
    /// A single user message of this part.
    public var inputMessages: [Message] { [Message(parts: [self])] }
    /// A single user message of this part.
    public var awaitResume: AwaitResume { .message(Message(parts: [self])) }
}

extension Array: RunInput where Element: RunInput {
    /// The messages of all elements, in order.
    public var inputMessages: [Message] { flatMap(\.inputMessages) }
}

extension AwaitResume: ResumeInput {
    /// The answer itself.
    public var awaitResume: AwaitResume { self }
}
