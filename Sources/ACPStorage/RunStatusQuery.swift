// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A query for runs of an agent in the order in which their status changed, the last change first.
///
/// A page continues after a position, not after a number of runs, so that runs whose status changes in the meantime do
/// not shift the others.
public struct RunStatusQuery: Sendable, Hashable {
    /// A position in the order: that of a run when its status changed.
    public struct Position: Sendable, Hashable, Comparable {
        /// When the status changed.
        public var changedAt: Timestamp
        /// The id of the run, which orders runs whose status changed at the same time, the greatest first.
        public var run: RunID

        /// Creates a position.
        public init(changedAt: Timestamp, run: RunID) {
            self.changedAt = changedAt
            self.run = run
        }

        /// Creates the position of a run in its present status.
        public init(_ run: Run) { self.init(changedAt: run.statusTimestamp, run: run.id) }

        /// Returns whether the first position's status changed earlier.
        public static func < (left: Position, right: Position) -> Bool {
            left.changedAt == right.changedAt ? left.run < right.run : left.changedAt < right.changedAt
        }
    }

    /// The agent whose runs are selected.
    public var agent: AgentName
    /// The statuses of the selected runs, as they were last committed. If empty, runs with any status are selected.
    public var statuses: Set<DetailedRunStatus>
    /// The session of the selected runs. If `nil`, runs of all sessions are selected.
    public var session: SessionID?
    /// The principal of the selected runs. If `nil`, the runs of all principals and those without one are selected.
    public var principal: PrincipalID?
    /// Selects runs whose status changed at this time or later. If `nil`, the time does not matter.
    public var changedSince: Timestamp?
    /// The page continues after this position. If `nil`, it begins with the last change.
    public var after: Position?
    /// The maximum number of runs to return.
    public var limit: Int

    /// Creates a query.
    ///
    /// - Parameters:
    ///   - agent: The agent whose runs are selected.
    ///   - statuses: The statuses of the selected runs. Defaults to all.
    ///   - session: The session of the selected runs. Defaults to any.
    ///   - principal: The principal of the selected runs. Defaults to any, or none.
    ///   - changedSince: The earliest change of status. Defaults to any.
    ///   - after: The position after which the page continues. Defaults to the beginning.
    ///   - limit: The maximum number of runs to return. Defaults to 10.
    public init(
        agent: AgentName, statuses: Set<DetailedRunStatus> = [], session: SessionID? = nil,
        principal: PrincipalID? = nil, changedSince: Timestamp? = nil, after: Position? = nil, limit: Int = 10
    ) {
        self.agent = agent
        self.statuses = statuses
        self.session = session
        self.principal = principal
        self.changedSince = changedSince
        self.after = after
        self.limit = limit
    }

    /// Returns whether the query selects a run, on whichever page.
    public func includes(_ run: Run) -> Bool {
        run.agentName == agent && (statuses.isEmpty || statuses.contains(run.detailedStatus))
            && (session == nil || run.sessionID == session) && (principal == nil || run.principal == principal)
            && (changedSince.map { run.statusTimestamp >= $0 } ?? true)
    }
}

extension Storage {
    /// Returns one page of an agent's runs in the order in which their status changed, and the total number.
    ///
    /// This implementation reads all runs of the agent, or of the session. Backends with an index implement the method
    /// themselves.
    public func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        let filter = query.session.map { RunQuery.Filter.session($0) } ?? .agent(query.agent)
        var found: [RunID: (position: RunStatusQuery.Position, run: StoredRun)] = [:]
        var offset = 0
        while true {
            let page = try await storedRuns(RunQuery(filter, principal: query.principal, offset: offset, limit: 100))
            for stored in page.items {
                let run = try stored.snapshot.decode(name(of: .run(stored.id)))
                if query.includes(run) { found[stored.id] = (.init(run), stored) }
            }
            offset += page.items.count
            if page.items.isEmpty || offset >= page.total { break }
        }
        let sorted = found.values.sorted { $0.position > $1.position }
        let rest = sorted.drop { entry in query.after.map { entry.position >= $0 } ?? false }
        return StoragePage(items: rest.prefix(max(0, query.limit)).map(\.run), total: sorted.count)
    }

    /// Returns one page of an agent's runs in the order in which their status changed, and the total number.
    public func runs(_ query: RunStatusQuery) async throws -> StoragePage<Run> {
        try await storedRuns(query).map { run throws(StorageError) in
            try run.record(name(of: .run(run.id))).run()
        }
    }
}
