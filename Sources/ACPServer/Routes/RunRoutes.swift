// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// `/runs` and everything below.
struct RunRoutes: Sendable {
    let engine: RunEngine
    let configuration: ServerConfiguration
    let pulse: StreamPulse
    let failures: FailureLog

    func add(to group: RouterGroup<some RemoteAddressRequestContext>) {
        group.post("runs", use: create)
        group.get("runs", use: list)
        group.get("runs/:run_id", use: get)
        group.post("runs/:run_id", use: resume)
        group.delete("runs/:run_id", use: delete)
        group.post("runs/:run_id/cancel", use: cancel)
        group.get("runs/:run_id/events", use: events)
    }

    private func create(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let body = try await request.decode(RunCreateRequest.self, upTo: configuration.maximumBodySize)
        if let id = body.sessionID, let session = body.session, id != session.id {
            throw ErrorAnswer(
                .badRequest, .invalidInput,
                "session_id is \(id), but session is \(session.id): send one of them, or the same")
        }
        var forwarded: ForwardedSession?
        if let session = body.session {
            forwarded = try await ForwardedSession(session, SessionURLs(request, context, configuration), engine)
        }
        let launched = try await engine.launch(
            RunRequest(
                agent: body.agentName,
                input: body.input,
                session: body.sessionID ?? body.session?.id,
                forwardedHistory: forwarded?.history ?? [],
                forwardedState: forwarded?.state,
                idempotencyKey: request.headers[.idempotencyKey]
            ))
        guard body.mode == .sync else {
            try await launched.creation()
            return try await answer(launched.run, mode: body.mode, after: 0, to: request, context)
        }
        do {
            return .json(bytes: try await launched.settledJSON(), headers: [.runID: launched.run.id.rawValue])
        } catch {
            throw launched.exists ? naming(launched.run.id, error) : error
        }
    }

    private func resume(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("run_id", as: RunID.self)
        let body = try await request.decode(RunResumeRequest.self, upTo: configuration.maximumBodySize)
        if let named = body.runID, named != id {
            throw ErrorAnswer(.badRequest, .invalidInput, "the path names run \(id), but run_id is \(named)")
        }
        let (run, eventCount) = try await engine.resume(id, with: body.awaitResume)
        return try await answer(run, mode: body.mode, after: eventCount, to: request, context)
    }

    /// Answers in the way that the caller wants, with what happens in a run after a number of events.
    private func answer(
        _ run: Run, mode: RunMode, after eventCount: Int, to request: Request, _ context: some RequestContext
    ) async throws -> Response {
        let headers: HTTPFields = [.runID: run.id.rawValue]
        do {
            switch mode {
            case .sync:
                return .json(bytes: try await engine.settledRunJSON(run.id, after: eventCount), headers: headers)
            case .async:
                return try .json(run, status: .accepted, headers: headers)
            case .stream:
                return stream(run.id, from: eventCount, until: .settled, to: request, context)
            }
        } catch {
            throw naming(run.id, error)
        }
    }

    /// The run exists, whatever became of waiting for it: the caller learns where to look.
    private func naming(_ run: RunID, _ error: any Error) -> ErrorAnswer {
        let failure = ErrorAnswer(error)
        return ErrorAnswer(
            failure.status, failure.error, headers: [.runID: run.rawValue] + failure.headers, cause: failure.cause)
    }

    private func stream(
        _ run: RunID, from offset: Int, until end: RunEvents.End, to request: Request, _ context: some RequestContext
    ) -> Response {
        let logger = context.logger
        return EventStream.response(of: run, in: engine, from: offset, until: end, pulse: pulse) { [failures] in
            failures.record($0, request, to: logger)
        }
    }

    private func get(_ request: Request, context: some RequestContext) async throws -> Response {
        try .json(try await engine.run(try context.identifier("run_id", as: RunID.self)))
    }

    private func list(_ request: Request, context: some RequestContext) async throws -> Response {
        let agent = try request.identifier("agent_name", as: AgentName.self)
        let session = try request.identifier("session_id", as: SessionID.self)
        let status = try request.uri.queryParameters["status"].map { try unfinishedStatus($0) }
        let filters: [RunQuery.Filter] =
            (agent.map { [.agent($0)] } ?? []) + (session.map { [.session($0)] } ?? [])
            + (status.map { [.unfinished($0)] } ?? [])
        guard filters.count <= 1 else {
            throw ErrorAnswer(
                .unprocessableContent, .invalidInput,
                "agent_name, session_id and status exclude each other: give one of them")
        }
        let page = try await engine.runs(
            RunQuery(
                filters.first ?? .all,
                offset: try request.integer("offset", in: 0...Int.max) ?? 0,
                limit: try request.integer("limit", in: 1...1000) ?? 10))
        return try .json(RunsListResponse(runs: page.items, total: page.total))
    }

    private func unfinishedStatus(_ text: Substring) throws -> RunStatus {
        guard let status = RunStatus(rawValue: String(text)), !status.isTerminal else {
            throw ErrorAnswer(
                .unprocessableContent, .invalidInput,
                "status=\(text.prefix(40)) is not valid: created, in-progress, awaiting or cancelling is expected; list finished runs by agent_name or session_id"
            )
        }
        return status
    }

    private func cancel(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("run_id", as: RunID.self)
        return try .json(try await engine.cancel(id), status: .accepted, headers: [.runID: id.rawValue])
    }

    private func delete(_ request: Request, context: some RequestContext) async throws -> Response {
        try await engine.delete(try context.identifier("run_id", as: RunID.self))
        return Response(status: .noContent)
    }

    private func events(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("run_id", as: RunID.self)
        let offset = try request.integer("offset", in: 0...Int.max) ?? 0
        let limit = try request.integer("limit", in: 1...Int.max)
        guard request.acceptsEventStream else {
            return .json(bytes: list(try await engine.events(of: id, from: offset, limit: limit)))
        }
        let first = try lastEventID(request).map { $0 + 1 } ?? offset
        // Asked before the stream begins, while the answer can still be 404.
        try await engine.requireRun(id)
        return stream(id, from: first, until: .terminal, to: request, context)
    }

    private func lastEventID(_ request: Request) throws -> Int? {
        guard let text = request.headers[.lastEventID] else { return nil }
        guard let id = Int(text), id >= 0, id < Int.max else {
            throw ErrorAnswer(
                .unprocessableContent, .invalidInput,
                "Last-Event-ID is \"\(text.prefix(40))\": the id of an event of this run, a whole number, is expected")
        }
        return id
    }

    /// The JSON of a list of events, put together from theirs.
    private func list(_ events: [EncodedEvent]) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(events.reduce(16) { $0 + $1.json.count + 1 })
        json += "{\"events\":[".utf8
        for (index, event) in events.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json += event.json
        }
        json += "]}".utf8
        return json
    }
}
