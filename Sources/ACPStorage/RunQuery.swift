// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Which runs to list, and which page of them.
public struct RunQuery: Sendable, Hashable {
    /// Which runs to list. Each of these has an index of its own in every backend, so that a page costs the same among
    /// a thousand runs and among a million.
    public enum Filter: Sendable, Hashable {
        case all
        case agent(AgentName)
        case session(SessionID)
        /// Runs that have not ended, by status. Ended ones are found by agent or session.
        case unfinished(RunStatus)
    }

    public var filter: Filter
    /// How many runs to skip, counted from the newest.
    public var offset: Int
    /// How many runs to return at most.
    public var limit: Int

    public init(_ filter: Filter = .all, offset: Int = 0, limit: Int = 10) {
        self.filter = filter
        self.offset = offset
        self.limit = limit
    }
}

extension RunQuery.Filter {
    /// Returns whether a run is listed.
    public func includes(_ run: RunSummary) -> Bool {
        switch self {
        case .all: true
        case .agent(let agent): run.agentName == agent
        case .session(let session): run.sessionID == session
        case .unfinished(let status): run.status == status && !status.isTerminal
        }
    }
}

/// Part of a list, and how long the whole list is.
public struct StoragePage<Item: Sendable>: Sendable {
    public var items: [Item]
    /// How many there are on all pages: exact.
    public var total: Int

    public init(items: [Item], total: Int) {
        self.items = items
        self.total = total
    }

    /// The page with other items, as many as before.
    ///
    /// - Throws: What `transform` throws.
    public func map<Other: Sendable, Failure: Error>(
        _ transform: (Item) throws(Failure) -> Other
    ) throws(Failure) -> StoragePage<Other> {
        StoragePage<Other>(items: try items.map(transform), total: total)
    }
}
