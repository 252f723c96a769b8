// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension ACPClient {
    /// Returns the current state of a run.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and the server's code `not_found` if the run does not
    ///   exist.
    public func fetchRun(_ id: RunID) async throws -> Run {
        try await transport.send(.get("/runs/\(id)", runID: id), as: Run.self)
    }

    /// Returns a page of the server's runs, newest first.
    ///
    /// The specification does not define this list: it is an extension of servers of this package.
    ///
    /// A page of large runs may have fewer runs than `limit`: continue at ``RunsListResponse/nextOffset``. Large
    /// contents are omitted: such parts have a `contentURL`, and ``fetchRun(_:)-(RunID)`` returns the whole run.
    ///
    /// - Parameters:
    ///   - agent: Returns only runs of this agent. At most one of `agent`, `session` and `status` may be set.
    ///   - session: Returns only runs of this session.
    ///   - status: Returns only runs with this status, which must not be terminal.
    ///   - limit: The maximum number of runs, 1 to 1000. Defaults to 10.
    ///   - offset: The number of runs to skip. Defaults to 0.
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

    /// Returns the server processes that share the server's storage, with the runs that they own.
    ///
    /// The specification does not define this list: it is an extension of servers of this package.
    public func processes() async throws -> ProcessesListResponse {
        try await transport.send(.get("/processes"), as: ProcessesListResponse.self)
    }

    /// Returns all events of a run so far, in order.
    public func events(of run: RunID) async throws -> [Event] {
        try await eventPage(of: run, query: []).events
    }

    /// Returns a range of a run's events. Servers that do not support the parameters return all events.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - limit: The maximum number of events. If the server sends them in several pages, all pages are read.
    ///   - offset: The index of the first event. Defaults to 0.
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

    /// Returns a stream of a run's events from any index: first the stored events, then the following ones as they
    /// happen.
    ///
    /// The stream connects when its first event is requested, and reconnects whenever the connection is lost. If the
    /// server does not stream the events of a run, its list of events is polled.
    ///
    /// ```swift
    /// for try await event in client.follow(run.id, after: lastIndex) {
    ///     run.apply(event.event)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - lastIndex: The index of the last event that is already known. If `nil`, the stream begins with the first
    ///     event.
    ///   - milestone: The kind of event that ends the stream. Defaults to ``RunMilestone/terminal``, so that the stream
    ///     continues after questions. Past events count too: to wait for a question, use ``wait(for:until:timeout:)``.
    public func follow(
        _ run: RunID, after lastIndex: Int? = nil, until milestone: RunMilestone = .terminal
    ) -> RunStream {
        let next = lastIndex.map { max($0, -1) + 1 } ?? 0
        return RunStream(runID: run, transport: transport, from: .index(next), until: milestone)
    }

    /// Waits until a run ends or awaits an answer.
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - milestone: What to wait for. Defaults to ``RunMilestone/settled``.
    ///   - timeout: How long to wait at most. If `nil`, there is no limit.
    /// - Returns: The run at that time.
    /// - Throws: ``ACPClientError`` with code `timedOut` after the timeout; the run continues.
    public func wait(
        for id: RunID, until milestone: RunMilestone = .settled, timeout: Duration? = nil
    ) async throws -> Run {
        guard let timeout else { return try await wait(for: id, until: milestone) }
        do {
            return try await withDeadline(timeout, on: transport.eventLoop) {
                try await wait(for: id, until: milestone)
            }
        } catch is DeadlineExceeded {
            let missed = milestone == .settled ? "neither ended nor asked a question" : "not ended"
            var error = ACPClientError(
                .timedOut,
                "run \(id) has \(missed) within \(timeout.seconds). It continues: wait again, or cancel it")
            error.runID = id
            throw error
        }
    }

    private func wait(for id: RunID, until milestone: RunMilestone) async throws -> Run {
        var run = try await fetchRun(id)
        if milestone.isReached(by: run.status) { return run }
        for try await event in follow(id) where milestone.isReached(by: event.event.kind) {
            // The event may be an old question that has been answered.
            run = try await fetchRun(id)
            if milestone.isReached(by: run.status) { return run }
        }
        return try await fetchRun(id)
    }

    /// Requests the cancellation of a run. The run becomes `cancelled` shortly after.
    ///
    /// - Returns: The run at that time, usually with the status `cancelling`.
    /// - Throws: ``ACPClientError`` with code `serverError` and status 403 if the run has ended.
    @discardableResult
    public func cancel(_ run: RunID) async throws -> Run {
        try await transport.send(.post("/runs/\(run)/cancel", runID: run), as: Run.self)
    }

    /// Deletes a run that has ended, with its events.
    ///
    /// The specification does not define this operation: it is an extension of servers of this package.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and status 409 if the run has not ended.
    public func deleteRun(_ run: RunID) async throws {
        _ = try await transport.send(.delete("/runs/\(run)", runID: run))
    }
}
