// SPDX-License-Identifier: Apache-2.0

import ACPCore
import NIOHTTP1

/// The messages of a session, oldest first, read as they are asked for.
///
/// ```swift
/// for try await message in client.messageStream(of: "my-session") { print(message.role, message.text) }
/// ```
///
/// A page of them is in memory at a time, so the length of the session does not matter. Servers of this package give a page with one
/// request; from others each message is loaded from its URL, a few at a time. Messages that lie on another server are loaded from
/// there, without the token and the headers that are meant for this one.
///
/// The loop throws ``ACPClientError``, and `CancellationError` when the task is cancelled.
public struct SessionMessages: AsyncSequence, Sendable {
    public typealias Element = Message

    let client: ACPClient
    let origin: Origin

    enum Origin: Sendable {
        /// From an offset onward.
        case session(SessionID, from: Int)
        case urls(ArraySlice<String>)
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(client: client, rest: origin) }

    /// Reads a session's messages.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let client: ACPClient
        var rest: Origin?
        private var ready: ArraySlice<Message> = []

        init(client: ACPClient, rest: Origin) {
            self.client = client
            self.rest = rest
        }

        /// The next message, or nil after the last one.
        public mutating func next() async throws -> Message? {
            while ready.isEmpty, let origin = rest {
                // After an error there is nothing more.
                rest = nil
                switch origin {
                case .session(let id, let offset): try await readPage(of: id, from: offset)
                case .urls(let urls):
                    let size = SessionMessages.concurrentLoads
                    ready = try await client.messages(at: urls.prefix(size))[...]
                    if urls.count > size { rest = .urls(urls.dropFirst(size)) }
                }
            }
            return ready.popFirst()
        }

        private mutating func readPage(of id: SessionID, from offset: Int) async throws {
            let page: SessionHistoryResponse
            do {
                page = try await client.history(of: id, limit: SessionMessages.pageSize, offset: offset)
            } catch let error as ACPClientError where error.saysNoSuchPath {
                rest = .urls(try await client.sessionDescriptor(id).history.dropFirst(offset))
                return
            }
            ready = try await client.messages(of: page.history)[...]
            let next = page.nextOffset ?? offset + page.history.count
            if next < page.total, !page.history.isEmpty { rest = .session(id, from: next) }
        }
    }

    static let pageSize = 100
    /// How many messages are loaded at the same time, where each is a request.
    static let concurrentLoads = 8
}

extension ACPClient {
    /// The messages of a session, oldest first, without all of them being in memory.
    ///
    /// - Parameters:
    ///   - session: The session. That there is none is thrown when the first message is asked for.
    ///   - offset: How many to skip.
    public func messageStream(of session: SessionID, offset: Int = 0) -> SessionMessages {
        SessionMessages(client: self, origin: .session(session, from: max(0, offset)))
    }

    /// The messages that a descriptor lists, oldest first, without all of them being in memory.
    public func messageStream(of descriptor: SessionDescriptor) -> SessionMessages {
        SessionMessages(client: self, origin: .urls(descriptor.history[...]))
    }

    /// One page of what was said in a session, oldest first. Not part of the specification: servers of this package have it.
    ///
    /// A page may have fewer entries than `limit`, if they are large: go on at ``SessionHistoryResponse/nextOffset``.
    ///
    /// - Parameters:
    ///   - session: The session.
    ///   - limit: How many entries at most, 1 to 1000.
    ///   - offset: How many to skip.
    public func history(of session: SessionID, limit: Int = 10, offset: Int = 0) async throws -> SessionHistoryResponse
    {
        let path = path("/sessions/\(session)/history", query: [("limit", "\(limit)"), ("offset", "\(offset)")])
        return try await transport.send(.get(path), as: SessionHistoryResponse.self)
    }

    /// The messages of a page, those of other servers loaded from there.
    fileprivate func messages(of entries: [SessionHistoryEntry]) async throws -> [Message] {
        let missing = entries.filter { $0.message == nil }.map(\.url)
        var loaded = try await messages(at: missing[...])[...]
        return entries.compactMap { $0.message ?? loaded.popFirst() }
    }

    /// The messages at these URLs, in this order, a few requests at a time.
    func messages(at urls: ArraySlice<String>) async throws -> [Message] {
        try await withThrowingTaskGroup(of: (Int, Message).self) { group in
            var messages: [Message?] = Array(repeating: nil, count: urls.count)
            var pending = urls.enumerated().makeIterator()
            for _ in 0..<SessionMessages.concurrentLoads {
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

    private func message(at reference: String) async throws -> Message {
        guard let url = transport.baseURL.resolve(reference) else {
            throw ACPClientError(.invalidResponse, "the session's history holds \"\(reference)\", which is no URL")
        }
        return try await transport.send(HTTPRequest(method: .GET, target: .url(url)), as: Message.self)
    }
}

extension ACPClientError {
    /// Whether a server of another make does not know a path; or there is no such session, which asking otherwise will tell.
    fileprivate var saysNoSuchPath: Bool { status == 404 || status == 405 }
}
