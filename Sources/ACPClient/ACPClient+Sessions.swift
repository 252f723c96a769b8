// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension ACPClient {
    /// Returns a handle that runs agents in one session.
    ///
    /// - Parameter id: The session to continue. If `nil`, the server creates a session with the first run.
    public func session(_ id: SessionID? = nil) -> ClientSession {
        ClientSession(client: self, id: id, descriptor: nil)
    }

    /// Returns a handle that continues a session of another server, from which agents load its history and state.
    ///
    /// The descriptor is sent with each run until this server has accepted one. For a session that has a handle, use
    /// ``ClientSession/move(to:)`` instead, which can renew signed URLs.
    public func session(continuing descriptor: SessionDescriptor) -> ClientSession {
        ClientSession(client: self, id: descriptor.id, descriptor: descriptor)
    }

    /// Returns the descriptor of a session, which contains the URLs of its messages and its state.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and the server's code `not_found` if the session does not
    ///   exist.
    public func sessionDescriptor(_ id: SessionID) async throws -> SessionDescriptor {
        do {
            return try await transport.send(.get("/session/\(id)"), as: SessionDescriptor.self)
        } catch let error as ACPClientError where error.status == 404 {
            // The specification defines the path above, its reference implementation this one.
            do {
                return try await transport.send(.get("/sessions/\(id)"), as: SessionDescriptor.self)
            } catch let second as ACPClientError where second.serverError == nil {
                throw error
            }
        }
    }

    /// Returns the messages of a session, oldest first.
    ///
    /// Messages on other servers are loaded from there, without the token and the headers for this server.
    ///
    /// - Parameters:
    ///   - descriptor: The session.
    ///   - limit: The maximum number of messages, of which the newest are returned. If `nil`, all messages are
    ///     returned.
    public func messages(of descriptor: SessionDescriptor, limit: Int? = nil) async throws -> [Message] {
        try await messages(at: descriptor.history.suffix(max(limit ?? .max, 0)))
    }

    /// Returns the messages of a session, oldest first.
    ///
    /// All of them are in memory at once: ``messageStream(of:offset:)`` reads a long session page by page.
    ///
    /// - Parameters:
    ///   - session: The session.
    ///   - limit: The maximum number of messages, of which the newest are returned. If `nil`, all messages are
    ///     returned.
    public func messages(of session: SessionID, limit: Int? = nil) async throws -> [Message] {
        var offset = 0
        if let limit {
            // Also throws if the session does not exist.
            let count = try await sessionDescriptor(session).history.count
            guard limit > 0 else { return [] }
            offset = max(0, count - limit)
        }
        var messages: [Message] = []
        for try await message in messageStream(of: session, offset: offset) { messages.append(message) }
        return limit.map { messages.suffix($0) } ?? messages
    }

    /// Deletes a session with its history and its state.
    ///
    /// The specification does not define this operation: it is an extension of servers of this package.
    public func deleteSession(_ id: SessionID) async throws {
        _ = try await transport.send(.delete("/sessions/\(id)"))
    }
}
