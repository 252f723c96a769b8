// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import Logging

/// What a handler sees of the run that it executes, and how it speaks.
///
/// Strings and parts that are yielded gather in one open message, which grows as its readers watch. It is completed
/// by the next whole message, by ``flush()``, by a question, or by the end of the run.
///
/// A context may be used from child tasks of the handler. After the run has ended, by its handler or by somebody who
/// cancelled it, every call throws `CancellationError`.
public struct RunContext: Sendable {
    /// What the run was called with.
    public let input: [Message]
    /// The session that the run belongs to.
    public let session: RunSession
    /// Logs with the ids of the run, the agent and the session.
    public var logger: Logger { execution.logger }
    let execution: RunExecution

    /// The run's id.
    public var runID: RunID { execution.id }
    /// The name under which the agent was called.
    public var agentName: AgentName { execution.agentName }

    // MARK: Output

    /// Adds text to the open message.
    public func yield(_ text: String) async throws {
        try await execution.yield(.text(text))
    }

    /// Adds a part to the open message. A part with a name is an artifact.
    public func yield(_ part: MessagePart) async throws {
        try await execution.yield(part)
    }

    /// Adds several parts to the open message.
    public func yield(_ parts: [MessagePart]) async throws {
        for part in parts { try await execution.yield(part) }
    }

    /// Sends a whole message. Its role becomes that of the agent.
    public func yield(_ message: Message) async throws {
        try await execution.yield(message)
    }

    /// Sends several whole messages.
    public func yield(_ messages: [Message]) async throws {
        for message in messages { try await execution.yield(message) }
    }

    /// Sends anything else that a handler may return, such as an optional text or an array of texts.
    ///
    /// ```swift
    /// try await context.yield(model.lastWord)        // String?: nothing is sent if it is nil
    /// try await context.yield(["first", "second"])
    /// ```
    public func yield(_ output: some AgentOutput) async throws {
        try await output.yield(to: self)
    }

    /// Sends a generic event: something that is not a message, such as progress.
    ///
    /// A value whose JSON is not an object is sent as `{"value": …}`, since ACP requires an object.
    ///
    /// - Throws: `EncodingError` if the value cannot be encoded as JSON; `CancellationError` if the run has ended.
    public func yield(generic value: some Encodable & Sendable) async throws {
        var json = try JSONValue(encoding: value)
        if json.objectValue == nil { json = ["value": json] }
        try await execution.yield(generic: json)
    }

    /// Completes the open message. Nothing happens if there is none.
    public func flush() async throws {
        try await execution.completeMessage()
    }

    // MARK: Asking

    /// Asks the caller something and waits for the answer.
    ///
    /// - Parameters:
    ///   - question: What to ask.
    ///   - timeout: How long to wait at most; then the run fails with code `timed_out`. What the agent's
    ///     ``AgentPolicy/awaitTimeout`` says unless said otherwise.
    /// - Returns: The caller's message.
    /// - Throws: `CancellationError` if the run is cancelled meanwhile; ``ACPError`` with code `invalid_input` if the answer
    ///   is not a message.
    public func awaitMessage(_ question: String, timeout: Duration? = nil) async throws -> Message {
        try await awaitMessage(Message(question, role: .agent(agentName)), timeout: timeout)
    }

    /// Asks the caller something and waits for the answer.
    ///
    /// - Parameters:
    ///   - question: What to ask.
    ///   - timeout: How long to wait at most; then the run fails with code `timed_out`. What the agent's
    ///     ``AgentPolicy/awaitTimeout`` says unless said otherwise.
    /// - Returns: The caller's message.
    /// - Throws: `CancellationError` if the run is cancelled meanwhile; ``ACPError`` with code `invalid_input` if the answer
    ///   is not a message.
    public func awaitMessage(_ question: Message, timeout: Duration? = nil) async throws -> Message {
        guard let message = try await awaitAnswer(to: .message(question), timeout: timeout).message else {
            throw ACPError(.invalidInput, "the answer to the agent's question is no message")
        }
        return message
    }

    /// Asks the caller something that is not a message, and waits for the answer.
    ///
    /// - Parameters:
    ///   - request: What to ask.
    ///   - timeout: How long to wait at most; then the run fails with code `timed_out`. What the agent's
    ///     ``AgentPolicy/awaitTimeout`` says unless said otherwise.
    /// - Throws: `CancellationError` if the run is cancelled meanwhile.
    public func awaitAnswer(to request: AwaitRequest, timeout: Duration? = nil) async throws -> AwaitResume {
        try await execution.awaitAnswer(to: request, timeout: timeout)
    }

    // MARK: Replay

    /// Whether what the handler does now was done before: the run goes on in another process, and the handler repeats what
    /// it did in the first. True until it has got as far as it did then.
    ///
    /// What is said and asked needs no such check: it is not said twice. It is for anything that should not be done twice,
    /// like sending a mail.
    public var isReplaying: Bool { execution.isReplaying }
}
