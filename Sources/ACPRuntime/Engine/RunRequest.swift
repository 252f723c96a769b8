// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Crypto

/// What it takes to create a run.
public struct RunRequest: Sendable {
    public var agent: AgentName
    public var input: [Message]
    /// The session to continue. Nil begins a new one.
    public var session: SessionID?
    /// URLs of messages that another server keeps, when the session comes from there. Those that the session's history holds
    /// already are left out.
    public var forwardedHistory: [String]
    /// The URL of the state that another server keeps, when the session comes from there. It counts for as long as the session
    /// has no state on this storage.
    public var forwardedState: String?
    /// Makes creation safe to repeat: all requests with the same key get the same run, whichever process they reach, for as
    /// long as the run is stored. Something random, 1 to 255 characters. Nil creates a run with each request.
    public var idempotencyKey: String?

    public init(
        agent: AgentName, input: [Message], session: SessionID? = nil, forwardedHistory: [String] = [],
        forwardedState: String? = nil, idempotencyKey: String? = nil
    ) {
        self.agent = agent
        self.input = input
        self.session = session
        self.forwardedHistory = forwardedHistory
        self.forwardedState = forwardedState
        self.idempotencyKey = idempotencyKey
    }

    /// The id of the run: random, or what the key says.
    var runID: RunID { idempotencyKey.map(RunID.init(idempotencyKey:)) ?? RunID() }

    func validate() throws(RunEngineError) {
        if let key = idempotencyKey, !(1...255).contains(key.utf8.count) {
            throw .invalidInput("the idempotency key has \(key.utf8.count) bytes: 1 to 255 are expected")
        }
        guard !input.isEmpty else { throw .invalidInput("input is empty: give at least one message") }
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
    /// The id of the run that a key stands for: the same in every process, so that storage itself sees to it that the run is
    /// created once.
    init(idempotencyKey key: String) {
        var bytes = Array(SHA256.hash(data: Array("run:\(key)".utf8)).prefix(16))
        // A UUID of version 8: made by a rule of one's own.
        bytes[6] = bytes[6] & 0x0f | 0x80
        bytes[8] = bytes[8] & 0x3f | 0x80
        self.init(uuid: bytes)
    }
}
