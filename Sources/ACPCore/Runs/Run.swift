// SPDX-License-Identifier: Apache-2.0

/// One execution of an agent.
public struct Run: Sendable, Hashable {
    public var id: RunID
    public var agentName: AgentName
    /// The session that the run belongs to. Servers of this package always say it.
    public var sessionID: SessionID?
    public var status: RunStatus
    /// What the agent asked, while the run awaits the answer.
    public var awaitRequest: AwaitRequest?
    /// Until when the answer has to come. Nil while the run awaits none, or waits for ever. Not in the specification.
    public var awaitDeadline: Timestamp?
    /// What the agent has said so far. The last message may still be open.
    public var output: [Message]
    /// Why the run failed.
    public var error: ACPError?
    public var createdAt: Timestamp
    /// When the run ended, in whatever way.
    public var finishedAt: Timestamp?

    public init(
        id: RunID = RunID(),
        agentName: AgentName,
        sessionID: SessionID? = nil,
        status: RunStatus = .created,
        awaitRequest: AwaitRequest? = nil,
        awaitDeadline: Timestamp? = nil,
        output: [Message] = [],
        error: ACPError? = nil,
        createdAt: Timestamp = .now,
        finishedAt: Timestamp? = nil
    ) {
        self.id = id
        self.agentName = agentName
        self.sessionID = sessionID
        self.status = status
        self.awaitRequest = awaitRequest
        self.awaitDeadline = awaitDeadline
        self.output = output
        self.error = error
        self.createdAt = createdAt
        self.finishedAt = finishedAt
    }

    /// The text of all output messages, one per line.
    public var text: String { output.map(\.text).joined(separator: "\n") }

    /// Throws if the run failed or was cancelled, and gives the run itself otherwise.
    ///
    /// - Throws: ``ACPError``: the run's own error, or one that says that it was cancelled.
    @discardableResult
    public func checked() throws(ACPError) -> Run {
        switch status {
        case .failed: throw error ?? ACPError(.serverError, "run \(id) failed without saying why")
        case .cancelled: throw ACPError(.cancelled, "run \(id) was cancelled")
        default: return self
        }
    }
}
