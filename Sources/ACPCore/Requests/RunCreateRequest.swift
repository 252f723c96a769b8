// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /runs`.
public struct RunCreateRequest: Sendable, Hashable {
    /// The agent to run.
    public var agentName: AgentName
    /// The session to continue. If `nil`, the run begins a new session.
    public var sessionID: SessionID?
    /// The session as another server describes it, for a session that moves between servers.
    public var session: SessionDescriptor?
    /// The messages that the agent receives.
    public var input: [Message]
    /// How the result of the run is returned.
    public var mode: RunMode
    /// A key that makes the request safe to repeat: all requests with the same key return the same run.
    ///
    /// Use random text of 1 to 255 characters. The key is not part of the body: it is sent in the header field
    /// `Idempotency-Key`, which not all servers support.
    public var idempotencyKey: String?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - agentName: The agent to run.
    ///   - input: The messages that the agent receives.
    ///   - mode: How the result of the run is returned. Defaults to ``RunMode/sync``.
    ///   - sessionID: The session to continue. If `nil`, the run begins a new session.
    ///   - session: The session as another server describes it.
    ///   - idempotencyKey: A key that makes the request safe to repeat.
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
