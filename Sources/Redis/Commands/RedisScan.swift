// SPDX-License-Identifier: Apache-2.0

extension RedisClient {
    /// Returns a sequence of the keys of the database, in no particular order (`SCAN`).
    ///
    /// ```swift
    /// for try await keys in client.scan(match: "cache:*").pages {
    ///     try await client.unlink(keys)
    /// }
    /// ```
    ///
    /// A key that exists during the whole iteration is returned at least once, possibly several times. On a cluster,
    /// the masters are scanned one after the other; a key whose slot is migrated meanwhile may be missed.
    /// - Parameters:
    ///   - pattern: A glob-style pattern. If `nil`, all keys are returned.
    ///   - count: The approximate number of keys that the server examines per call. Defaults to 250.
    ///   - type: The type of the keys, for example `string` or `zset`. If `nil`, keys of all types are returned.
    public func scan(match pattern: String? = nil, count: Int = 250, type: String? = nil) -> RedisScan {
        RedisScan(client: self, pattern: pattern, count: count, type: type)
    }
}

/// An asynchronous sequence of the keys of a database, fetched page by page.
public struct RedisScan: AsyncSequence, Sendable {
    /// A key.
    public typealias Element = String

    let client: RedisClient
    let pattern: String?
    let count: Int
    let type: String?

    /// The keys in pages, as the server returns them.
    public var pages: Pages { Pages(scan: self) }

    /// Creates an iterator that starts a new scan.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pages: pages.makeAsyncIterator())
    }

    /// An iterator over the keys.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var pages: Pages.AsyncIterator
        private var page: [String] = []
        private var index = 0

        fileprivate init(pages: Pages.AsyncIterator) {
            self.pages = pages
        }

        /// Returns the next key, or `nil` at the end.
        /// - Throws: ``RedisError``.
        public mutating func next() async throws -> String? {
            while index == self.page.count {
                guard let page = try await pages.next() else { return nil }
                self.page = page
                index = 0
            }
            defer { index += 1 }
            return self.page[index]
        }
    }

    /// An asynchronous sequence of pages of keys. No page is empty.
    public struct Pages: AsyncSequence, Sendable {
        /// A page of keys.
        public typealias Element = [String]

        fileprivate let scan: RedisScan

        /// Creates an iterator that starts a new scan.
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(scan: scan)
        }

        /// An iterator over the pages.
        public struct AsyncIterator: AsyncIteratorProtocol {
            fileprivate let scan: RedisScan
            private var servers: [RedisServer]?
            private var cursor = "0"
            private var isAtEnd = false

            fileprivate init(scan: RedisScan) {
                self.scan = scan
            }

            /// Returns the next page, or `nil` at the end.
            /// - Throws: ``RedisError``.
            public mutating func next() async throws -> [String]? {
                while !isAtEnd {
                    var command = RedisCommand("SCAN", self.cursor).idempotent
                    if let pattern = scan.pattern { command.append("MATCH", pattern) }
                    command.append("COUNT", scan.count)
                    if let type = scan.type { command.append("TYPE", type) }
                    let reply = try await fetch(command)
                    guard reply.count == 2, let cursor = reply[0].string, let keys = reply[1].array else {
                        throw RedisError(.unexpectedReply, "The reply to SCAN is not a cursor with keys.")
                    }
                    self.cursor = cursor
                    if cursor == "0" {
                        servers?.removeFirst()
                        isAtEnd = servers?.isEmpty ?? true
                    }
                    if !keys.isEmpty { return keys.compactMap(\.string) }
                }
                return nil
            }

            private mutating func fetch(_ command: RedisCommand) async throws -> [RESPValue] {
                guard scan.client.isCluster else { return try await scan.client.array(command) }
                let servers: [RedisServer]
                if let known = self.servers {
                    servers = known
                } else {
                    servers = try await scan.client.masters()
                }
                self.servers = servers
                return try await servers[0].array(command)
            }
        }
    }
}
