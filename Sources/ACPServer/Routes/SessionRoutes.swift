// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// `/sessions` and the resources to which session descriptors refer.
///
/// The specification defines `/session/{id}`, its reference implementation serves `/sessions/{id}`: both are supported.
struct SessionRoutes: Sendable {
    let rules: AccessRules
    let configuration: ServerConfiguration
    let budgets: ServerBudgets

    private var engine: RunEngine { rules.engine }

    func add(to groups: RouteGroups<some RemoteAddressRequestContext>) {
        groups.read.get("session/:session_id", use: get)
        groups.read.get("sessions/:session_id", use: get)
        groups.call.delete("sessions/:session_id", use: delete)
        groups.read.get("sessions/:session_id/history", use: history)
    }

    /// Adds the routes of the resources to which descriptors refer. They can have other access rules than the rest.
    func addResources(to group: RouterGroup<some RemoteAddressRequestContext>) {
        group.get("sessions/:session_id/history/:index", use: message)
        group.get("sessions/:session_id/state", use: state)
    }

    private func get(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let (record, count) = try await rules.current.session(id)
        var urls = SessionURLs(request, context, configuration)
        let key = count > 0 ? await engine.ensuredOriginKey(of: record) : record.originKey
        urls.origin = key.map(OriginMark.init)
        // Until a state is stored here, it is that of the server from which the session was forwarded.
        let state =
            record.forwardedState.map(urls.absolute)
            ?? record.state.map { _ in urls.state(of: id, version: record.version) }
        return try await .json(
            DescriptorPieces(engine, id, count: count, state: state) { [urls] in urls.url(of: $0, at: $1, in: id) },
            headers: [.cacheControl: Freshness.revalidated.cacheControl], budgets: budgets)
    }

    private func history(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let offset = try request.integer("offset", in: 0...Int.max) ?? 0
        let limit = try request.integer("limit", in: 1...1000) ?? 10
        try await rules.current.requireSession(id)
        let urls = SessionURLs(request, context, configuration)
        var json = PageJSON("history", from: offset, limit: limit, bytes: configuration.limits.maximumPageBytes)
        var size = ChunkSize(first: 32, limit: 128)
        var total = 0
        while json.hasRoom {
            let page = try await engine.history(
                of: id, from: json.nextOffset, limit: min(size.count, json.remainingItems), bytes: json.remainingBytes)
            total = page.total
            if page.items.isEmpty { break }
            let before = json.remainingBytes
            for entry in page.items {
                let url = urls.url(of: entry, at: json.nextOffset, in: id)
                json.add(try ACPJSON.encode(SessionHistoryEntry(url: url, message: entry.message)))
            }
            if json.nextOffset >= total { break }
            size.note(items: page.items.count, bytes: before - json.remainingBytes, wanted: json.remainingBytes)
        }
        if total == 0 { _ = try await engine.session(id) }
        let hasMore = json.count > 0 && json.nextOffset < total
        return .json(
            bytes: json.finished(total: total, hasMore: hasMore),
            headers: [.cacheControl: Freshness.revalidated.cacheControl])
    }

    private func message(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let text = try context.parameters.require("index")
        let entry: HistoryEntry? =
            if let index = Int(text), index >= 0 {
                try await rules.current.history(of: id, from: index, limit: 1).items.first
            } else {
                nil
            }
        switch entry {
        case .message(let message):
            return .resource(
                try ACPJSON.encode(message), contentType: "application/json",
                freshness: .immutable(Response.messageLifetime), to: request)
        case .link(let url):
            throw ErrorResponse(
                .notFound, .notFound,
                url == SessionResource.message(id, Int(text) ?? 0).path
                    ? "message \(text) of session \(id) has expired"
                    : "message \(text) of session \(id) is stored on another server: \(SessionURLs(request, context, configuration).absolute(url))"
            )
        case nil:
            throw ErrorResponse(
                .notFound, .notFound, "the history of session \(id) has no message \(text.prefix(40))")
        }
    }

    private func state(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let record = try await rules.current.session(id).record
        guard record.forwardedState == nil, let state = record.state else {
            throw ErrorResponse(
                .notFound, .notFound,
                record.forwardedState.map {
                    "the state of session \(id) is stored on another server: \(SessionURLs(request, context, configuration).absolute($0))"
                } ?? "session \(id) has no state")
        }
        return .resource(state.bytes, contentType: state.contentType, freshness: .revalidated, to: request)
    }

    private func delete(_ request: Request, context: some RequestContext) async throws -> Response {
        try await rules.current.deleteSession(try context.identifier("session_id", as: SessionID.self))
        return Response(status: .noContent)
    }
}

extension SessionURLs {
    /// Returns the URL of an entry of a session's history.
    fileprivate func url(of entry: HistoryEntry, at index: Int, in session: SessionID) -> String {
        switch entry {
        case .message: message(index, in: session)
        case .link(let url): absolute(url)
        }
    }
}

extension HistoryEntry {
    fileprivate var message: Message? {
        if case .message(let message) = self { message } else { nil }
    }
}
