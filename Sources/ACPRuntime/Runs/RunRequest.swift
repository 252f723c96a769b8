// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// What it takes to create a run.
public struct RunRequest: Sendable {
    public var agent: AgentName
    public var input: [Message]
    /// The session to continue. Nil begins a new one.
    public var session: SessionID?
    /// URLs of messages that another server keeps, when the session comes from there. Those that the session's history holds
    /// already are left out.
    public var forwardedHistory: [String]

    public init(
        agent: AgentName, input: [Message], session: SessionID? = nil, forwardedHistory: [String] = []
    ) {
        self.agent = agent
        self.input = input
        self.session = session
        self.forwardedHistory = forwardedHistory
    }

    func validate() throws(RunEngineError) {
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
