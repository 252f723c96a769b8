// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import Logging

/// The run that a handler executes, with the methods to send output and to ask questions.
///
/// Text and parts that are yielded are collected in one open message, which followers of the run see growing. The next
/// whole message, ``flush()``, a question or the end of the run completes it.
///
/// A context may be used from child tasks of the handler. After the run has ended or was cancelled, every call throws
/// `CancellationError`.
public struct RunContext: Sendable {
    /// The messages that the run was created with.
    public let input: [Message]
    /// The session that the run belongs to.
    public let session: RunSession
    /// A logger whose metadata contains the ids of the run, the agent and the session.
    public var logger: Logger { execution.logger }
    let execution: RunExecution

    /// The run's id.
    public var runID: RunID { execution.id }
    /// The name under which the agent was called.
    public var agentName: AgentName { execution.agentName }

    /// Who has created the run. If `nil`, the server does not distinguish callers.
    ///
    /// The id is stored with the run. The roles and the claims are not: they are those of the request that created the
    /// run, and empty if its handler runs again, in another process or in this one. A handler that may run
    /// again (``AgentPolicy/Recovery/replay``, and questions) should therefore decide by the id alone.
    public var principal: Principal? { execution.principal }

    // MARK: Output

    /// Adds text to the open message. If there is none, one is opened.
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

    /// Sends a whole message. Its role is set to that of the agent.
    public func yield(_ message: Message) async throws {
        try await execution.yield(message)
    }

    /// Sends several whole messages. Their roles are set to that of the agent.
    public func yield(_ messages: [Message]) async throws {
        for message in messages { try await execution.yield(message) }
    }

    /// Sends any other output, such as an optional text or an array of texts.
    ///
    /// ```swift
    /// try await context.yield(model.lastWord)        // String?: nothing is sent if it is nil
    /// try await context.yield(["first", "second"])
    /// ```
    public func yield(_ output: some AgentOutput) async throws {
        try await output.yield(to: self)
    }

    /// Sends a generic event: data that is not a message, such as progress.
    ///
    /// A value whose JSON is not an object is sent as `{"value": …}`, since ACP requires an object.
    ///
    /// - Throws: `EncodingError` if the value cannot be encoded as JSON; `CancellationError` if the run has ended.
    public func yield(generic value: some Encodable & Sendable) async throws {
        var json = try JSONValue(encoding: value)
        if json.objectValue == nil { json = ["value": json] }
        try await execution.yield(generic: json)
    }

    /// Completes the open message, if there is one.
    public func flush() async throws {
        try await execution.completeMessage()
    }

    // MARK: Asking

    /// Asks the caller a question and waits for the answer.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - timeout: The time after which the run fails with code `timed_out` if there is no answer. Defaults to the
    ///     agent's ``AgentPolicy/awaitTimeout``.
    /// - Returns: The caller's message.
    /// - Throws: `CancellationError` if the run is cancelled in the meantime; ``ACPError`` with code `invalid_input` if
    ///   the answer is not a message.
    public func awaitMessage(_ question: String, timeout: Duration? = nil) async throws -> Message {
        try await awaitMessage(Message(question, role: .agent(agentName)), timeout: timeout)
    }

    /// Asks the caller a question, given as a message, and waits for the answer.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - timeout: The time after which the run fails with code `timed_out` if there is no answer. Defaults to the
    ///     agent's ``AgentPolicy/awaitTimeout``.
    /// - Returns: The caller's message.
    /// - Throws: `CancellationError` if the run is cancelled in the meantime; ``ACPError`` with code `invalid_input` if
    ///   the answer is not a message.
    public func awaitMessage(_ question: Message, timeout: Duration? = nil) async throws -> Message {
        guard let message = try await awaitAnswer(to: .message(question), timeout: timeout).message else {
            throw ACPError(.invalidInput, "the answer to the agent's question is not a message")
        }
        return message
    }

    /// Asks the caller for something other than a message, and waits for the answer.
    ///
    /// - Parameters:
    ///   - request: The request that the caller has to answer.
    ///   - timeout: The time after which the run fails with code `timed_out` if there is no answer. Defaults to the
    ///     agent's ``AgentPolicy/awaitTimeout``.
    /// - Returns: The caller's answer.
    /// - Throws: `CancellationError` if the run is cancelled in the meantime.
    public func awaitAnswer(to request: AwaitRequest, timeout: Duration? = nil) async throws -> AwaitResume {
        try await execution.awaitAnswer(to: request, timeout: timeout)
    }

    /// Asks the caller to authenticate, by means that the message describes, and waits for the answer.
    ///
    /// ```swift
    /// let answer = try await context.awaitAuthentication("Sign in at https://bank.example/authorize?for=\(context.runID)")
    /// ```
    ///
    /// Over ACP this is a question like any other; over A2A, the task is in the state `TASK_STATE_AUTH_REQUIRED`.
    ///
    /// - Parameters:
    ///   - question: What the caller has to do.
    ///   - timeout: The time after which the run fails with code `timed_out` if there is no answer. Defaults to the
    ///     agent's ``AgentPolicy/awaitTimeout``.
    /// - Returns: The caller's message, when it has authenticated.
    /// - Throws: `CancellationError` if the run is cancelled in the meantime; ``ACPError`` with code `invalid_input` if
    ///   the answer is not a message.
    public func awaitAuthentication(_ question: String, timeout: Duration? = nil) async throws -> Message {
        let request = AwaitRequest.authentication(Message(question, role: .agent(agentName)))
        guard let message = try await awaitAnswer(to: request, timeout: timeout).message else {
            throw ACPError(.invalidInput, "the answer to the agent's question is not a message")
        }
        return message
    }

    // MARK: Replay

    /// Whether the handler repeats what it did before.
    ///
    /// When a run continues in another process, or after it has left memory, its handler runs again from the start. This
    /// is `true` until the handler has reached the point that the run had reached before. Output and questions do not
    /// need this check: they are not sent twice. Check it before anything else that must not be done twice, such as
    /// sending an email.
    public var isReplaying: Bool { execution.isReplaying }
}
