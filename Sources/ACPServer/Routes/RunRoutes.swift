// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import HTTPTypes
import Hummingbird

/// `/runs` and the paths below.
struct RunRoutes: Sendable {
    let rules: AccessRules
    let configuration: ServerConfiguration
    let keepAlive: KeepAliveTimer
    let failureLogger: FailureLogger
    let budgets: ServerBudgets

    private var engine: RunEngine { rules.engine }

    func add(to groups: RouteGroups<some RemoteAddressRequestContext>) {
        groups.call.post("runs", use: create)
        groups.read.get("runs", use: list)
        groups.read.get("runs/:run_id", use: get)
        groups.call.post("runs/:run_id", use: resume)
        groups.call.delete("runs/:run_id", use: delete)
        groups.call.post("runs/:run_id/cancel", use: cancel)
        groups.read.get("runs/:run_id/events", use: events)
        groups.read.get("runs/:run_id/contents/:digest", use: content)
    }

    private func create(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let access = try rules.current
        let body = try await receive(RunCreateRequest.self, request)
        try configuration.limits.check(body.input, "input")
        if let id = body.sessionID, let session = body.session, id != session.id {
            throw ErrorResponse(
                .badRequest, .invalidInput,
                "session_id is \(id), but session.id is \(session.id): send only one of them, or equal ids")
        }
        var forwarded: ForwardedSession?
        if let session = body.session {
            try configuration.limits.check(session)
            try await access.requireUsable(session.id)
            forwarded = try await ForwardedSession(session, SessionURLs(request, context, configuration), access)
        }
        let launched = try await access.createRun(
            RunRequest(
                agent: body.agentName,
                input: body.input,
                session: body.sessionID ?? body.session?.id,
                forwardedHistory: forwarded?.history ?? [],
                forwardedState: forwarded?.state,
                idempotencyKey: request.headers[.idempotencyKey]
            ))
        guard body.mode == .sync else {
            return try await respond(
                with: try await launched.created(), mode: body.mode, after: 0, to: request, context)
        }
        do {
            return .json(bytes: try await launched.settled().json(), headers: [.runID: launched.id.rawValue])
        } catch {
            throw launched.isStored ? errorResponse(for: error, run: launched.id) : error
        }
    }

    private func resume(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("run_id", as: RunID.self)
        let body = try await receive(RunResumeRequest.self, request)
        if let message = body.awaitResume.message {
            try configuration.limits.check([message], "await_resume.message")
        }
        if let named = body.runID, named != id {
            throw ErrorResponse(.badRequest, .invalidInput, "the path names run \(id), but run_id is \(named)")
        }
        let (run, eventCount) = try await rules.current.resume(id, with: body.awaitResume)
        return try await respond(with: run, mode: body.mode, after: eventCount, to: request, context)
    }

    /// Reads and decodes the body as soon as there is memory for it.
    private func receive<Value: JSONReadable>(_ type: Value.Type, _ request: Request) async throws -> Value {
        let room = try await budgets.room(for: request, upTo: configuration.maximumBodySize)
        defer { room?.release() }
        return try await request.decode(
            type, upTo: configuration.maximumBodySize, values: configuration.limits.maximumValues)
    }

    /// Responds in the mode that the caller has requested, with what happens in a run after a number of events.
    private func respond(
        with run: Run, mode: RunMode, after eventCount: Int, to request: Request, _ context: some RequestContext
    ) async throws -> Response {
        let headers: HTTPFields = [.runID: run.id.rawValue]
        do {
            switch mode {
            case .sync:
                let settled = try await RunHandle(engine: engine, id: run.id).settled(after: eventCount)
                return .json(bytes: try settled.json(), headers: headers)
            case .async:
                return try .json(run, status: .accepted, headers: headers)
            case .stream:
                return stream(run.id, from: eventCount, until: .settled, to: request, context)
            }
        } catch {
            throw errorResponse(for: error, run: run.id)
        }
    }

    /// Returns an error response with the id of a run that exists although the request failed, so that the caller can
    /// fetch it.
    private func errorResponse(for error: any Error, run: RunID) -> ErrorResponse {
        let failure = ErrorResponse(error)
        return ErrorResponse(
            failure.status, failure.error, headers: [.runID: run.rawValue] + failure.headers, cause: failure.cause)
    }

    private func stream(
        _ run: RunID, from offset: Int, until end: RunEvents.StopCondition, to request: Request,
        _ context: some RequestContext
    ) -> Response {
        let logger = context.logger
        return EventStream.response(
            of: run, in: engine, from: offset, until: end, keepAlive: keepAlive, format: ACPEventFormat(),
            headers: [.runID: run.rawValue], maximumBytes: configuration.callers.maximumStreamBytes
        ) { [failureLogger] in
            failureLogger.log($0, request, to: logger)
        }
    }

    private func get(_ request: Request, context: some RequestContext) async throws -> Response {
        try .json(try await rules.current.fetchRun(try context.identifier("run_id", as: RunID.self)))
    }

    private func list(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let access = try rules.current
        let agent = try request.identifier("agent_name", as: AgentName.self)
        let session = try request.identifier("session_id", as: SessionID.self)
        let status = try request.uri.queryParameters["status"].map { try unfinishedStatus($0) }
        let filters: [RunQuery.Filter] =
            (agent.map { [.agent($0)] } ?? []) + (session.map { [.session($0)] } ?? [])
            + (status.map { [.unfinished($0)] } ?? [])
        guard filters.count <= 1 else {
            throw ErrorResponse(
                .unprocessableContent, .invalidInput,
                "agent_name, session_id and status exclude each other: send only one of them")
        }
        let urls = SessionURLs(request, context, configuration)
        let offset = try request.integer("offset", in: 0...Int.max) ?? 0
        var json = PageJSON(
            "runs", from: offset, limit: try request.integer("limit", in: 1...1000) ?? 10,
            bytes: configuration.limits.maximumPageBytes)
        var size = ChunkSize(first: 10, limit: 128)
        var total = 0
        var seen: Set<RunID> = []
        var index = offset
        while json.hasRoom {
            let page = try await access.listedRuns(
                RunQuery(filters.first ?? .all, offset: index, limit: min(size.count, json.remainingItems))
            ) { urls.content($0) }
            total = page.total
            var bytes = 0
            for run in page.items {
                let item = try ACPJSON.encode(run)
                bytes += item.count
                // A run that was created meanwhile has shifted the others by one, so that some are read twice.
                if seen.insert(run.id).inserted { json.add(item) }
            }
            index += page.items.count
            if page.items.isEmpty || index >= total { break }
            size.note(items: page.items.count, bytes: bytes, wanted: json.remainingBytes)
        }
        let hasMore = json.nextOffset < total && (json.count > 0)
        return .json(bytes: json.finished(total: total, hasMore: hasMore))
    }

    /// Returns a content to which a list of runs refers.
    private func content(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("run_id", as: RunID.self)
        let text = try context.parameters.require("digest")
        let encoding = request.uri.queryParameters["encoding"].map(String.init) ?? "plain"
        guard let encoding = MessagePart.ContentEncoding(rawValue: encoding) else {
            throw ErrorResponse(
                .unprocessableContent, .invalidInput,
                "encoding=\(encoding.prefix(40)) is not valid: expected plain or base64")
        }
        guard let digest = ContentDigest(rawValue: text),
            let content = try await rules.current.content(digest, of: id)
        else {
            throw ErrorResponse(.notFound, .notFound, "run \(id) has no content \(text.prefix(80))")
        }
        let part = MessagePart(content: content, contentEncoding: encoding)
        guard let bytes = part.bytes else {
            throw ErrorResponse(.unprocessableContent, .invalidInput, "content \(digest) of run \(id) is not base64")
        }
        return .resource(
            bytes, contentType: encoding == .base64 ? "application/octet-stream" : "text/plain; charset=utf-8",
            freshness: .immutable(Response.messageLifetime), to: request)
    }

    private func unfinishedStatus(_ text: Substring) throws -> RunStatus {
        guard let status = RunStatus(rawValue: String(text)), !status.isTerminal else {
            throw ErrorResponse(
                .unprocessableContent, .invalidInput,
                "status=\(text.prefix(40)) is not valid: expected created, in-progress, awaiting or cancelling. List terminal runs by agent_name or session_id"
            )
        }
        return status
    }

    private func cancel(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("run_id", as: RunID.self)
        return try .json(try await rules.current.cancel(id), status: .accepted, headers: [.runID: id.rawValue])
    }

    private func delete(_ request: Request, context: some RequestContext) async throws -> Response {
        try await rules.current.deleteRun(try context.identifier("run_id", as: RunID.self))
        return Response(status: .noContent)
    }

    private func events(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("run_id", as: RunID.self)
        let offset = try request.integer("offset", in: 0...Int.max) ?? 0
        let limit = try request.integer("limit", in: 1...Int.max)
        guard request.acceptsEventStream else {
            return try await list(id, from: offset, limit: limit)
        }
        let first = try lastEventID(request).map { $0 + 1 } ?? offset
        // Checked before the stream begins, while the response can still be 404.
        try await rules.current.requireRun(id)
        return stream(id, from: first, until: .terminal, to: request, context)
    }

    private func lastEventID(_ request: Request) throws -> Int? {
        guard let text = request.headers[.lastEventID] else { return nil }
        guard let id = Int(text), id >= 0, id < Int.max else {
            throw ErrorResponse(
                .unprocessableContent, .invalidInput,
                "Last-Event-ID is \"\(text.prefix(40))\": expected the id of an event of this run, a whole number")
        }
        return id
    }

    /// Returns all events of a run, as the protocol defines it, or a page of them if there is a limit.
    private func list(_ id: RunID, from offset: Int, limit: Int?) async throws -> Response {
        let bytes = configuration.limits.maximumPageBytes
        // From here on, the run is known to be one that the caller can reach.
        let total = try await rules.current.eventCount(of: id)
        // Throws if the run does not exist.
        if offset >= total { _ = try await engine.events(of: id, from: offset, limit: 1, bytes: 1) }
        guard let limit else {
            return try await .json(
                EventListPieces(engine, id, from: offset, to: total, pieceSize: min(bytes, RunRoutes.eventPieceSize)),
                budgets: budgets)
        }
        var page = PageJSON("events", from: offset, limit: limit, bytes: bytes)
        var size = ChunkSize(first: 32, limit: 256)
        while page.hasRoom, page.nextOffset < total {
            let events = try await engine.events(
                of: id, from: page.nextOffset, limit: min(size.count, page.remainingItems), bytes: page.remainingBytes)
            if events.isEmpty { break }
            for event in events { page.add(event.json) }
            size.note(
                items: events.count, bytes: events.reduce(0) { $0 + $1.json.count }, wanted: page.remainingBytes)
        }
        let hasMore = page.count > 0 && page.nextOffset < total
        return .json(bytes: page.finished(hasMore: hasMore))
    }

    private static let eventPieceSize = 262_144
}

extension SessionURLs {
    /// Returns the URL of a content that a list of runs omits.
    fileprivate func content(_ content: ListedContent) -> String {
        let query = content.encoding == .base64 ? "?encoding=base64" : ""
        return "\(base)/runs/\(content.run)/contents/\(content.digest)\(query)"
    }
}
