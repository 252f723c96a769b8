// SPDX-License-Identifier: Apache-2.0

import ACPCore
import NIOHTTP1

extension ACPClient {
    /// A handle that keeps a session across runs.
    ///
    /// - Parameter id: The session to continue. Nil begins a new one with the first run.
    public func session(_ id: SessionID? = nil) -> ClientSession {
        ClientSession(client: self, id: id, descriptor: nil)
    }

    /// A handle that continues the session of another server, whose history and state agents load from there.
    public func session(continuing descriptor: SessionDescriptor) -> ClientSession {
        ClientSession(client: self, id: descriptor.id, descriptor: descriptor)
    }

    /// What the server says about a session: where its messages and its state can be read.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and the server's `not_found` if there is no such session.
    public func sessionDescriptor(_ id: SessionID) async throws -> SessionDescriptor {
        do {
            return try await transport.send(.get("/session/\(id)"), as: SessionDescriptor.self)
        } catch let error as ACPClientError where error.status == 404 {
            // The specification has the path above, its reference implementation this one.
            do {
                return try await transport.send(.get("/sessions/\(id)"), as: SessionDescriptor.self)
            } catch let second as ACPClientError where second.serverError == nil {
                throw error
            }
        }
    }

    /// The messages of a session, oldest first. Messages that lie on other servers are loaded from there, without the
    /// token and the headers that are meant for this one.
    ///
    /// - Parameters:
    ///   - descriptor: The session.
    ///   - limit: How many at most, the newest ones. Nil for all.
    public func messages(of descriptor: SessionDescriptor, limit: Int? = nil) async throws -> [Message] {
        let urls = descriptor.history.suffix(max(limit ?? .max, 0))
        return try await withThrowingTaskGroup(of: (Int, Message).self) { group in
            var messages: [Message?] = Array(repeating: nil, count: urls.count)
            var pending = urls.enumerated().makeIterator()
            // A few at a time: a long history is one request per message.
            for _ in 0..<8 {
                guard let (place, url) = pending.next() else { break }
                group.addTask { (place, try await message(at: url)) }
            }
            while let (place, message) = try await group.next() {
                messages[place] = message
                guard let (place, url) = pending.next() else { continue }
                group.addTask { (place, try await self.message(at: url)) }
            }
            return messages.compactMap { $0 }
        }
    }

    /// The messages of a session, oldest first.
    public func messages(of session: SessionID, limit: Int? = nil) async throws -> [Message] {
        try await messages(of: sessionDescriptor(session), limit: limit)
    }

    /// Deletes a session with its history and its state. Not part of the specification: servers of this package have it.
    public func deleteSession(_ id: SessionID) async throws {
        _ = try await transport.send(.delete("/sessions/\(id)"))
    }

    private func message(at reference: String) async throws -> Message {
        guard let url = transport.baseURL.resolve(reference) else {
            throw ACPClientError(.invalidResponse, "the session's history holds \"\(reference)\", which is no URL")
        }
        return try await transport.send(HTTPRequest(method: .GET, target: .url(url)), as: Message.self)
    }
}
