// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The properties of a run that determine its index entries, except for its status.
struct RunIndexEntry: Sendable, Hashable {
    let id: RunID
    let agent: AgentName
    let session: SessionID?
    let createdAt: Timestamp
    let principal: PrincipalID?

    init(_ run: Run) {
        id = run.id
        agent = run.agentName
        session = run.sessionID
        createdAt = run.createdAt
        principal = run.principal
    }

    init(id: RunID, agent: AgentName, session: SessionID?, principal: PrincipalID? = nil) {
        self.id = id
        self.agent = agent
        self.session = session
        self.principal = principal
        createdAt = Timestamp(microseconds: 0)
    }

    /// The run's member of the queues of runs that may have expired (``RedisKeys/expiryQueues(of:)``): with the queue
    /// itself, all that is needed to find its index entries when nothing else of the run exists any more.
    var expiryMember: String { "\(id) \(agent)" + (session.map { " \($0)" } ?? "") }

    /// Reads ``expiryMember``, which contains neither the time of creation nor the principal.
    ///
    /// - Parameter principal: The principal whose queue contains the member. `nil` if that is the queue of all runs.
    init?(expiryMember: String, of principal: PrincipalID? = nil) {
        let words = expiryMember.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 2 || words.count == 3, let id = RunID(rawValue: words[0]),
            let agent = AgentName(rawValue: words[1])
        else { return nil }
        let session = words.count == 3 ? SessionID(rawValue: words[2]) : nil
        guard words.count == 2 || session != nil else { return nil }
        self.init(id: id, agent: agent, session: session, principal: principal)
    }
}
