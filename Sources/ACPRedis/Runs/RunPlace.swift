// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// What decides in which indexes a run stands, its status apart.
struct RunPlace: Sendable, Hashable {
    let id: RunID
    let agent: AgentName
    let session: SessionID?
    let createdAt: Timestamp

    init(_ run: Run) {
        id = run.id
        agent = run.agentName
        session = run.sessionID
        createdAt = run.createdAt
    }

    init(id: RunID, agent: AgentName, session: SessionID?) {
        self.id = id
        self.agent = agent
        self.session = session
        createdAt = Timestamp(microseconds: 0)
    }

    /// How the run stands in the queue of runs that may have expired: what is needed to find all its indexes again when
    /// nothing else is left of it.
    var expiryMember: String { "\(id) \(agent)" + (session.map { " \($0)" } ?? "") }

    /// Reads ``expiryMember``. The time of creation is lost.
    init?(expiryMember: String) {
        let words = expiryMember.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 2 || words.count == 3, let id = RunID(rawValue: words[0]),
            let agent = AgentName(rawValue: words[1])
        else { return nil }
        let session = words.count == 3 ? SessionID(rawValue: words[2]) : nil
        guard words.count == 2 || session != nil else { return nil }
        self.init(id: id, agent: agent, session: session)
    }
}
