// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /runs`.
public struct RunCreateRequest: Sendable, Hashable {
    public var agentName: AgentName
    /// The session to continue. Nil begins a new one.
    public var sessionID: SessionID?
    /// The session as another server describes it, when a session moves between servers.
    public var session: SessionDescriptor?
    public var input: [Message]
    /// How the answer is wanted. Sync unless said otherwise.
    public var mode: RunMode
    /// Makes the request safe to send again: all with the same key get the same run. Something random, 1 to 255 characters.
    /// Not part of the body: it is sent as the header `Idempotency-Key`, which not all servers know.
    public var idempotencyKey: String?

    public init(
        agentName: AgentName,
        input: [Message],
        mode: RunMode = .sync,
        sessionID: SessionID? = nil,
        session: SessionDescriptor? = nil,
        idempotencyKey: String? = nil
    ) {
        self.agentName = agentName
        self.sessionID = sessionID
        self.session = session
        self.input = input
        self.mode = mode
        self.idempotencyKey = idempotencyKey
    }
}
