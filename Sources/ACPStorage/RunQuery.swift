// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A query for one page of a list of runs.
public struct RunQuery: Sendable, Hashable {
    /// A selection of runs.
    ///
    /// The backends of this package have an index for each of these, so that a page costs the same among a thousand
    /// runs and among a million.
    public enum Filter: Sendable, Hashable {
        /// All runs.
        case all
        /// The runs of an agent.
        case agent(AgentName)
        /// The runs of a session.
        case session(SessionID)
        /// The runs with a status that is not terminal. Runs that have ended are found by agent or session.
        case unfinished(RunStatus)
    }

    /// The selection of runs.
    public var filter: Filter
    /// The principal whose runs are selected, of those that ``filter`` selects. If `nil`, the runs of all principals
    /// and those without one are selected.
    ///
    /// The backends of this package have indexes for this, so that a page costs the same whatever other principals have.
    public var principal: PrincipalID?
    /// The number of runs to skip, counted from the newest.
    public var offset: Int
    /// The maximum number of runs to return.
    public var limit: Int

    /// Creates a query.
    ///
    /// - Parameters:
    ///   - filter: The selection of runs. Defaults to all.
    ///   - principal: The principal whose runs are selected. Defaults to `nil`: the runs of all principals.
    ///   - offset: The number of runs to skip, counted from the newest. Defaults to 0.
    ///   - limit: The maximum number of runs to return. Defaults to 10.
    public init(_ filter: Filter = .all, principal: PrincipalID? = nil, offset: Int = 0, limit: Int = 10) {
        self.filter = filter
        self.principal = principal
        self.offset = offset
        self.limit = limit
    }
}

extension RunQuery {
    /// Returns whether the query selects a run, on whichever page.
    public func includes(_ run: RunSummary) -> Bool {
        filter.includes(run) && (principal == nil || run.principal == principal)
    }
}

extension RunQuery.Filter {
    /// Returns whether the filter selects a run.
    public func includes(_ run: RunSummary) -> Bool {
        switch self {
        case .all: true
        case .agent(let agent): run.agentName == agent
        case .session(let session): run.sessionID == session
        case .unfinished(let status): run.status == status && !status.isTerminal
        }
    }
}

/// One page of the results of a query.
public struct StoragePage<Item: Sendable>: Sendable {
    /// The results on this page.
    public var items: [Item]
    /// The exact number of results on all pages.
    public var total: Int

    /// Creates a page.
    ///
    /// - Parameters:
    ///   - items: The results on this page.
    ///   - total: The exact number of results on all pages.
    public init(items: [Item], total: Int) {
        self.items = items
        self.total = total
    }

    /// Returns the page with transformed items.
    ///
    /// - Throws: What `transform` throws.
    public func map<Other: Sendable, Failure: Error>(
        _ transform: (Item) throws(Failure) -> Other
    ) throws(Failure) -> StoragePage<Other> {
        StoragePage<Other>(items: try items.map(transform), total: total)
    }
}
