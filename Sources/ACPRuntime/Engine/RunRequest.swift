// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Crypto

/// A request to create a run.
public struct RunRequest: Sendable {
    /// The agent to run.
    public var agent: AgentName
    /// The messages that the agent gets, at least one.
    public var input: [Message]
    /// The session to continue. If `nil`, a new session is created.
    public var session: SessionID?
    /// URLs of messages that another server keeps, if the session was moved here from there. Those that the session's
    /// history contains already are ignored.
    public var forwardedHistory: [String]
    /// The URL of the state that another server keeps, if the session was moved here from there. It is used until the
    /// session stores a state on this server.
    public var forwardedState: String?
    /// Makes it safe to repeat the request: all requests with the same key get the same run, from every process, while
    /// the run is stored. Use a random string of 1 to 255 bytes. If `nil`, each request creates a run.
    public var idempotencyKey: String?
    /// Who requests the run. If `nil`, the run has no principal.
    ///
    /// Its id is stored with the run; its roles and claims are known only until the process that creates the run ends:
    /// see ``RunContext/principal``. Principals that use the same idempotency key get different runs.
    public var principal: Principal?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - agent: The agent to run.
    ///   - input: The messages that the agent gets, at least one.
    ///   - session: The session to continue. Defaults to a new one.
    ///   - forwardedHistory: URLs of messages that another server keeps. Defaults to none.
    ///   - forwardedState: The URL of the state that another server keeps. Defaults to none.
    ///   - idempotencyKey: The same for all repetitions of the request. Defaults to none.
    ///   - principal: Who requests the run. Defaults to none.
    public init(
        agent: AgentName, input: [Message], session: SessionID? = nil, forwardedHistory: [String] = [],
        forwardedState: String? = nil, idempotencyKey: String? = nil, principal: Principal? = nil
    ) {
        self.agent = agent
        self.input = input
        self.session = session
        self.forwardedHistory = forwardedHistory
        self.forwardedState = forwardedState
        self.idempotencyKey = idempotencyKey
        self.principal = principal
    }

    /// The id of the run: random, or derived from the idempotency key.
    var runID: RunID { idempotencyKey.map { RunID(idempotencyKey: $0, of: principal?.id) } ?? RunID() }

    func validate() throws(RunEngineError) {
        if let key = idempotencyKey, !(1...255).contains(key.utf8.count) {
            throw .invalidInput("the idempotency key has \(key.utf8.count) bytes: 1 to 255 are expected")
        }
        if let session, session.isOfCompanions {
            throw .invalidInput("session \(session) is reserved for the server: use a different id")
        }
        guard !input.isEmpty else { throw .invalidInput("input is empty: at least one message is required") }
        for (index, message) in input.enumerated() {
            do {
                try message.validate()
            } catch {
                throw .invalidInput("input[\(index)].\(error.message)")
            }
        }
    }
}

extension RunID {
    /// Derives a run's id from an idempotency key. It is the same in every process, so that the first commit to storage
    /// makes sure that the run is created once. Each principal has ids of its own.
    init(idempotencyKey key: String, of principal: PrincipalID? = nil) {
        let text = principal.map { "principal-run:\($0.rawValue.utf8.count):\($0):\(key)" } ?? "run:\(key)"
        var bytes = Array(SHA256.hash(data: Array(text.utf8)).prefix(16))
        // A UUID of version 8: a custom format.
        bytes[6] = bytes[6] & 0x0f | 0x80
        bytes[8] = bytes[8] & 0x3f | 0x80
        self.init(uuid: bytes)
    }
}
