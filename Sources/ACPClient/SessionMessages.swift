// SPDX-License-Identifier: Apache-2.0

import ACPCore
import NIOHTTP1

/// A sequence of a session's messages, oldest first, which are read page by page.
///
/// ```swift
/// for try await message in client.messageStream(of: "my-session") { print(message.role, message.text) }
/// ```
///
/// Only one page is in memory at a time, whatever the length of the session. Servers of this package return a page with
/// one request; from other servers each message is loaded from its URL, a few at a time. Messages on another server are
/// loaded from there, without the token and the headers for this server.
///
/// The iteration throws ``ACPClientError``, and `CancellationError` if the task is cancelled.
public struct SessionMessages: AsyncSequence, Sendable {
    /// A message of the session.
    public typealias Element = Message

    let client: ACPClient
    let origin: Origin

    enum Origin: Sendable {
        /// The messages of a session from an offset.
        case session(SessionID, from: Int)
        case urls(ArraySlice<String>)
    }

    /// Returns an iterator that reads the messages from the first page.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(client: client, rest: origin) }

    /// An iterator that reads a session's messages page by page.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let client: ACPClient
        var rest: Origin?
        private var ready: ArraySlice<Message> = []

        init(client: ACPClient, rest: Origin) {
            self.client = client
            self.rest = rest
        }

        /// Returns the next message, or `nil` after the last one.
        public mutating func next() async throws -> Message? {
            while ready.isEmpty, let origin = rest {
                // After an error the iteration ends.
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
            } catch let error as ACPClientError where error.isUnknownPath {
                rest = .urls(try await client.sessionDescriptor(id).history.dropFirst(offset))
                return
            }
            ready = try await client.messages(of: page.history)[...]
            let next = page.nextOffset ?? offset + page.history.count
            if next < page.total, !page.history.isEmpty { rest = .session(id, from: next) }
        }
    }

    static let pageSize = 100
    /// How many messages are loaded at the same time if each is a request.
    static let concurrentLoads = 8
}

extension ACPClient {
    /// Returns a sequence of a session's messages, oldest first, which are read page by page.
    ///
    /// - Parameters:
    ///   - session: The session. If it does not exist, the iteration throws.
    ///   - offset: The number of messages to skip. Defaults to 0.
    public func messageStream(of session: SessionID, offset: Int = 0) -> SessionMessages {
        SessionMessages(client: self, origin: .session(session, from: max(0, offset)))
    }

    /// Returns a sequence of the messages of a descriptor, oldest first, which are read a few at a time.
    public func messageStream(of descriptor: SessionDescriptor) -> SessionMessages {
        SessionMessages(client: self, origin: .urls(descriptor.history[...]))
    }

    /// Returns a page of a session's history, oldest first.
    ///
    /// The specification does not define this list: it is an extension of servers of this package. A page of large
    /// entries may have fewer than `limit`: continue at ``SessionHistoryResponse/nextOffset``.
    ///
    /// - Parameters:
    ///   - session: The session.
    ///   - limit: The maximum number of entries, 1 to 1000. Defaults to 10.
    ///   - offset: The number of entries to skip. Defaults to 0.
    public func history(of session: SessionID, limit: Int = 10, offset: Int = 0) async throws -> SessionHistoryResponse
    {
        let path = path("/sessions/\(session)/history", query: [("limit", "\(limit)"), ("offset", "\(offset)")])
        return try await transport.send(.get(path), as: SessionHistoryResponse.self)
    }

    /// Returns the messages of a page. Messages of other servers are loaded from there.
    fileprivate func messages(of entries: [SessionHistoryEntry]) async throws -> [Message] {
        let missing = entries.filter { $0.message == nil }.map(\.url)
        var loaded = try await messages(at: missing[...])[...]
        return entries.compactMap { $0.message ?? loaded.popFirst() }
    }

    /// Returns the messages at URLs, in the same order, with a few concurrent requests.
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
            throw ACPClientError(
                .invalidResponse, "the session's history contains \"\(reference)\", which is not a URL")
        }
        return try await transport.send(ClientRequest(method: .GET, target: .url(url)), as: Message.self)
    }
}

extension ACPClientError {
    /// Whether the server does not support a path, or the session does not exist, which the fallback request
    /// determines.
    fileprivate var isUnknownPath: Bool { status == 404 || status == 405 }
}
