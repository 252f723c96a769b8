// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension ACPClient {
    /// A run as it stands.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and the server's `not_found` if there is no such run.
    public func fetchRun(_ id: RunID) async throws -> Run {
        try await transport.send(.get("/runs/\(id)", runID: id), as: Run.self)
    }

    /// One page of the server's runs, newest first. Not part of the specification: servers of this package have it.
    ///
    /// A page may have fewer runs than `limit`, if they are large: go on at ``RunsListResponse/nextOffset``. Large contents are left
    /// out: such parts have a `contentURL`, and ``run(_:)-(RunID)`` returns the whole run.
    ///
    /// - Parameters:
    ///   - agent: Only runs of this agent. At most one of `agent`, `session` and `status` may be given.
    ///   - session: Only runs of this session.
    ///   - status: Only runs of this status, which has to be one of a run that has not ended.
    ///   - limit: How many at most, 1 to 1000.
    ///   - offset: How many to skip.
    public func runs(
        agent: AgentName? = nil,
        session: SessionID? = nil,
        status: RunStatus? = nil,
        limit: Int = 10,
        offset: Int = 0
    ) async throws -> RunsListResponse {
        let path = path(
            "/runs",
            query: [
                ("agent_name", agent?.rawValue), ("session_id", session?.rawValue), ("status", status?.rawValue),
                ("limit", "\(limit)"), ("offset", "\(offset)"),
            ])
        return try await transport.send(.get(path), as: RunsListResponse.self)
    }

    /// The server processes that share the server's storage, with what they own. Not part of the specification: servers of
    /// this package have it.
    public func processes() async throws -> ProcessesListResponse {
        try await transport.send(.get("/processes"), as: ProcessesListResponse.self)
    }

    /// The events of a run so far: all of them, in order.
    public func events(of run: RunID) async throws -> [Event] {
        try await eventPage(of: run, query: []).events
    }

    /// Some of the events of a run. Servers that do not know the parameters give all of them.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - limit: How many at most. Servers that send large events in several pages are asked for all of these.
    ///   - offset: The index of the first one.
    public func events(of run: RunID, limit: Int, offset: Int = 0) async throws -> [Event] {
        var page = try await eventPage(of: run, query: [("limit", "\(limit)"), ("offset", "\(offset)")])
        var events = page.events
        while events.count < limit, let next = page.nextOffset, !page.events.isEmpty {
            page = try await eventPage(
                of: run, query: [("limit", "\(limit - events.count)"), ("offset", "\(next)")])
            events += page.events
        }
        return events
    }

    private func eventPage(of run: RunID, query: [(String, String?)]) async throws -> RunEventsListResponse {
        let path = query.isEmpty ? "/runs/\(run)/events" : path("/runs/\(run)/events", query: query)
        return try await transport.send(.get(path, runID: run), as: RunEventsListResponse.self)
    }

    /// The events of a run from any place on: those that are there already, then those that follow.
    ///
    /// The connection is made when the first event is asked for, and made again whenever it breaks. A server that does not
    /// stream the events of a run is asked for its list again and again.
    ///
    /// ```swift
    /// for try await event in client.follow(run.id, after: lastIndex) {
    ///     run.apply(event.event)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - lastIndex: The index of the last event that is known already. Nil for the run's beginning.
    ///   - milestone: With which event the stream ends. It goes on through questions unless told otherwise. Events that
    ///     lie in the past count: to wait for an answer, use ``wait(for:until:timeout:)``.
    public func follow(
        _ run: RunID, after lastIndex: Int? = nil, until milestone: RunMilestone = .terminal
    ) -> RunStream {
        let next = lastIndex.map { max($0, -1) + 1 } ?? 0
        return RunStream(runID: run, transport: transport, from: .index(next), until: milestone)
    }

    /// Waits until a run has ended, or asks something.
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - milestone: What to wait for: ``RunMilestone/settled`` unless told otherwise.
    ///   - timeout: How long to wait at most. Nil waits as long as it takes.
    /// - Returns: the run as it stands then.
    /// - Throws: ``ACPClientError`` with code `timedOut` when the time is up; the run goes on.
    public func wait(
        for id: RunID, until milestone: RunMilestone = .settled, timeout: Duration? = nil
    ) async throws -> Run {
        guard let timeout else { return try await wait(for: id, until: milestone) }
        do {
            return try await withDeadline(timeout, on: transport.eventLoop) {
                try await wait(for: id, until: milestone)
            }
        } catch is DeadlineExceeded {
            let missed = milestone == .settled ? "neither ended nor asked anything" : "not ended"
            var error = ACPClientError(
                .timedOut,
                "run \(id) has \(missed) within \(timeout.seconds). It goes on; wait again, or cancel it")
            error.runID = id
            throw error
        }
    }

    private func wait(for id: RunID, until milestone: RunMilestone) async throws -> Run {
        var run = try await fetchRun(id)
        if milestone.isReached(by: run.status) { return run }
        for try await event in follow(id) where milestone.isReached(by: event.event.kind) {
            // The event may be an old one: a question that was answered long ago.
            run = try await fetchRun(id)
            if milestone.isReached(by: run.status) { return run }
        }
        return try await fetchRun(id)
    }

    /// Asks the server to cancel a run. The run becomes `cancelled` shortly after.
    ///
    /// - Returns: the run as it stands then, `cancelling` as a rule.
    /// - Throws: ``ACPClientError`` with code `serverError` and status 403 if the run has ended.
    @discardableResult
    public func cancel(_ run: RunID) async throws -> Run {
        try await transport.send(.post("/runs/\(run)/cancel", runID: run), as: Run.self)
    }

    /// Deletes a run that has ended, with its events. Not part of the specification: servers of this package have it.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and status 409 if the run has not ended.
    public func deleteRun(_ run: RunID) async throws {
        _ = try await transport.send(.delete("/runs/\(run)", runID: run))
    }
}
