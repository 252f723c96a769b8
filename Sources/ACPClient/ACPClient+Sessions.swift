// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension ACPClient {
    /// A handle that keeps a session across runs.
    ///
    /// - Parameter id: The session to continue. Nil begins a new one with the first run.
    public func session(_ id: SessionID? = nil) -> ClientSession {
        ClientSession(client: self, id: id, descriptor: nil)
    }

    /// A handle that continues the session of another server, whose history and state agents load from there.
    ///
    /// The descriptor is sent along until this server has taken it. A session that is in use is better moved, see
    /// ``ClientSession/move(to:)``: it knows where to have signed URLs renewed.
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
        try await messages(at: descriptor.history.suffix(max(limit ?? .max, 0)))
    }

    /// The messages of a session, oldest first. All of them are in memory then: ``messageStream(of:offset:)`` reads a long session
    /// piece by piece.
    ///
    /// - Parameters:
    ///   - session: The session.
    ///   - limit: How many at most, the newest ones. Nil for all.
    public func messages(of session: SessionID, limit: Int? = nil) async throws -> [Message] {
        var offset = 0
        if let limit {
            // Also tells whether the session is there.
            let count = try await sessionDescriptor(session).history.count
            guard limit > 0 else { return [] }
            offset = max(0, count - limit)
        }
        var messages: [Message] = []
        for try await message in messageStream(of: session, offset: offset) { messages.append(message) }
        return limit.map { messages.suffix($0) } ?? messages
    }

    /// Deletes a session with its history and its state. Not part of the specification: servers of this package have it.
    public func deleteSession(_ id: SessionID) async throws {
        _ = try await transport.send(.delete("/sessions/\(id)"))
    }
}
