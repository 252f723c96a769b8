// SPDX-License-Identifier: Apache-2.0

/// One execution of an agent.
public struct Run: Sendable, Hashable {
    /// The id of the run.
    public var id: RunID
    /// The agent that the run executes.
    public var agentName: AgentName
    /// The session that the run belongs to. Servers of this package always include it.
    public var sessionID: SessionID?
    /// The status of the run.
    public var status: RunStatus
    /// The agent's question, while the run awaits the answer.
    public var awaitRequest: AwaitRequest?
    /// When the run fails unless its caller has answered the question.
    ///
    /// If `nil`, the run awaits no answer, or waits without a limit. Not part of the specification.
    public var awaitDeadline: Timestamp?
    /// The questions that the agent has asked, each followed by its answer, in order. A question that is not answered
    /// yet is in ``awaitRequest`` alone.
    ///
    /// Not part of the specification.
    public var exchange: [Message]
    /// The agent's messages so far. The last one may still be open (``Message/isOpen``).
    public var output: [Message]
    /// Why the run failed.
    public var error: ACPError?
    /// When the run was created.
    public var createdAt: Timestamp
    /// When the run ended: completed, failed or cancelled.
    public var finishedAt: Timestamp?
    /// When the run began to be in its status, if that is neither ``createdAt`` nor ``finishedAt``: see
    /// ``statusTimestamp``.
    ///
    /// Not part of the specification.
    public var statusChangedAt: Timestamp?
    /// The trace in which the run was created: names and values of headers, such as `traceparent`. If `nil`, there was
    /// none.
    ///
    /// Not part of the specification.
    public var trace: JSONObject?
    /// Who created the run, as the server that created it has established. If `nil`, that server does not distinguish
    /// callers.
    ///
    /// Not part of the specification.
    public var principal: PrincipalID?

    /// Creates a run. Defaults to one that was created now, with a new id, and has not started yet.
    public init(
        id: RunID = RunID(),
        agentName: AgentName,
        sessionID: SessionID? = nil,
        status: RunStatus = .created,
        awaitRequest: AwaitRequest? = nil,
        awaitDeadline: Timestamp? = nil,
        exchange: [Message] = [],
        output: [Message] = [],
        error: ACPError? = nil,
        createdAt: Timestamp = .now,
        finishedAt: Timestamp? = nil,
        statusChangedAt: Timestamp? = nil,
        trace: JSONObject? = nil,
        principal: PrincipalID? = nil
    ) {
        self.id = id
        self.agentName = agentName
        self.sessionID = sessionID
        self.status = status
        self.awaitRequest = awaitRequest
        self.awaitDeadline = awaitDeadline
        self.exchange = exchange
        self.output = output
        self.error = error
        self.createdAt = createdAt
        self.finishedAt = finishedAt
        self.statusChangedAt = statusChangedAt
        self.trace = trace
        self.principal = principal
    }

    /// The text of all output messages, one per line.
    public var text: String { output.map(\.text).joined(separator: "\n") }

    /// Since when the run is in its status, as far as that is known.
    public var statusTimestamp: Timestamp { statusChangedAt ?? finishedAt ?? createdAt }

    /// Returns the run itself, unless it failed or was cancelled.
    ///
    /// - Throws: ``ACPError``: the run's own error if it failed, or one with code
    ///   ``ACPError/Code-swift.struct/cancelled``.
    @discardableResult
    public func checked() throws(ACPError) -> Run {
        switch status {
        case .failed: throw error ?? ACPError(.serverError, "run \(id) failed without an error")
        case .cancelled: throw ACPError(.cancelled, "run \(id) was cancelled")
        default: return self
        }
    }
}
