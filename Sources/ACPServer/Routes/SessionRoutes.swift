// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore

/// `/sessions` and what session descriptors point to. The specification says `/session/{id}`, its reference serves
/// `/sessions/{id}`: both are here.
struct SessionRoutes: Sendable {
    let engine: RunEngine
    let configuration: ServerConfiguration

    func add(to group: RouterGroup<some RequestContext>) {
        group.get("session/:session_id", use: get)
        group.get("sessions/:session_id", use: get)
        group.delete("sessions/:session_id", use: delete)
        group.get("sessions/:session_id/history/:index", use: message)
        group.get("sessions/:session_id/state", use: state)
    }

    private func get(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let (record, _) = try await engine.session(id)
        let urls = SessionURLs(request, configuration)
        let history = try await engine.history(of: id, from: 0, limit: nil)
        return try .json(
            SessionDescriptor(
                id: id,
                history: history.items.enumerated().map { index, entry in
                    switch entry {
                    case .message: urls.message(index, in: id)
                    case .link(let url): urls.absolute(url)
                    }
                },
                // Until something is stored here, the state is where the session came from.
                state: record.state.map { _ in urls.state(of: id) } ?? record.forwardedState.map(urls.absolute)
            ))
    }

    private func message(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let text = try context.parameters.require("index")
        let entry: HistoryEntry? =
            if let index = Int(text), index >= 0 {
                try await engine.history(of: id, from: index, limit: 1).items.first
            } else {
                nil
            }
        switch entry {
        case .message(let message): return try .json(message)
        case .link(let url):
            throw ErrorAnswer(
                .notFound, .notFound,
                url == SessionResource.message(id, Int(text) ?? 0).path
                    ? "message \(text) of session \(id) has expired"
                    : "message \(text) of session \(id) is kept elsewhere: \(SessionURLs(request, configuration).absolute(url))"
            )
        case nil:
            throw ErrorAnswer(
                .notFound, .notFound, "there is no message \(text.prefix(40)) in the history of session \(id)")
        }
    }

    private func state(_ request: Request, context: some RequestContext) async throws -> Response {
        let id = try context.identifier("session_id", as: SessionID.self)
        let record = try await engine.session(id).record
        guard let state = record.state else {
            throw ErrorAnswer(
                .notFound, .notFound,
                record.forwardedState.map {
                    "the state of session \(id) is kept elsewhere: \(SessionURLs(request, configuration).absolute($0))"
                } ?? "session \(id) has no state")
        }
        return Response(
            status: .ok, headers: [.contentType: state.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: state.bytes)))
    }

    private func delete(_ request: Request, context: some RequestContext) async throws -> Response {
        try await engine.delete(try context.identifier("session_id", as: SessionID.self))
        return Response(status: .noContent)
    }
}
