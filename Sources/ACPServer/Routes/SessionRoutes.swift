// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// `/sessions` and what session descriptors point to. The specification says `/session/{id}`, its reference serves
/// `/sessions/{id}`: both are here.
struct SessionRoutes: Sendable {
    let engine: RunEngine
    let configuration: ServerConfiguration

    /// How many entries of a history are read at a time where all of them are needed, but not their messages.
    static let pageSize = 200

    func add(to group: RouterGroup<some RemoteAddressRequestContext>) {
        group.get("session/:session_id", use: get)
        group.get("sessions/:session_id", use: get)
        group.delete("sessions/:session_id", use: delete)
        group.get("sessions/:session_id/history", use: history)
    }

    /// What descriptors point to: it may be reached in other ways than the rest.
    func addResources(to group: RouterGroup<some RemoteAddressRequestContext>) {
        group.get("sessions/:session_id/history/:index", use: message)
        group.get("sessions/:session_id/state", use: state)
    }

    private func get(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let (record, count) = try await engine.session(id)
        var urls = SessionURLs(request, context, configuration)
        let key = count > 0 ? await engine.ensuredOriginKey(of: record) : record.originKey
        urls.origin = key.map(OriginMark.init)
        var history: [String] = []
        history.reserveCapacity(count)
        var isLast = count == 0
        while !isLast {
            // Only the URLs stay in memory.
            let page = try await engine.history(of: id, from: history.count, limit: Self.pageSize)
            history += page.items.enumerated().map { urls.url(of: $1, at: history.count + $0, in: id) }
            isLast = page.items.isEmpty || history.count >= page.total
        }
        return try .json(
            SessionDescriptor(
                id: id, history: history,
                // Until something is stored here, the state is where the session came from.
                state: record.forwardedState.map(urls.absolute)
                    ?? record.state.map { _ in urls.state(of: id, version: record.version) }),
            headers: [.cacheControl: Freshness.revalidated.cacheControl])
    }

    private func history(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let offset = try request.integer("offset", in: 0...Int.max) ?? 0
        let limit = try request.integer("limit", in: 1...1000) ?? 10
        let page = try await engine.history(of: id, from: offset, limit: limit)
        if page.total == 0 { _ = try await engine.session(id) }
        let urls = SessionURLs(request, context, configuration)
        let entries = page.items.enumerated().map { index, entry in
            SessionHistoryEntry(url: urls.url(of: entry, at: offset + index, in: id), message: entry.message)
        }
        return try .json(
            SessionHistoryResponse(history: entries, total: page.total),
            headers: [.cacheControl: Freshness.revalidated.cacheControl])
    }

    private func message(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let text = try context.parameters.require("index")
        let entry: HistoryEntry? =
            if let index = Int(text), index >= 0 {
                try await engine.history(of: id, from: index, limit: 1).items.first
            } else {
                nil
            }
        switch entry {
        case .message(let message):
            return .resource(
                try ACPJSON.encode(message), contentType: "application/json",
                freshness: .immutable(Response.messageLifetime), to: request)
        case .link(let url):
            throw ErrorAnswer(
                .notFound, .notFound,
                url == SessionResource.message(id, Int(text) ?? 0).path
                    ? "message \(text) of session \(id) has expired"
                    : "message \(text) of session \(id) is kept elsewhere: \(SessionURLs(request, context, configuration).absolute(url))"
            )
        case nil:
            throw ErrorAnswer(
                .notFound, .notFound, "there is no message \(text.prefix(40)) in the history of session \(id)")
        }
    }

    private func state(_ request: Request, context: some RemoteAddressRequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let record = try await engine.session(id).record
        guard record.forwardedState == nil, let state = record.state else {
            throw ErrorAnswer(
                .notFound, .notFound,
                record.forwardedState.map {
                    "the state of session \(id) is kept elsewhere: \(SessionURLs(request, context, configuration).absolute($0))"
                } ?? "session \(id) has no state")
        }
        return .resource(state.bytes, contentType: state.contentType, freshness: .revalidated, to: request)
    }

    private func delete(_ request: Request, context: some RequestContext) async throws -> Response {
        try await engine.delete(try context.identifier("session_id", as: SessionID.self))
        return Response(status: .noContent)
    }
}

extension SessionURLs {
    /// The URL of an entry of a session's history.
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
