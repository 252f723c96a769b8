// SPDX-License-Identifier: Apache-2.0

extension RedisClient {
    /// Walks through the keys of the database, in no particular order.
    ///
    /// ```swift
    /// for try await keys in client.scan(match: "cache:*").pages {
    ///     try await client.unlink(keys)
    /// }
    /// ```
    ///
    /// A key that exists all the time comes at least once, and perhaps more than once. On a cluster the masters are
    /// walked through one after the other; a key whose slot moves meanwhile may not come.
    /// - Parameters:
    ///   - pattern: Glob-style; nil means all keys.
    ///   - count: About how many keys the server looks at in one step. Default: 250.
    ///   - type: Keys of one type only, for example `string` or `zset`; nil means all.
    public func scan(match pattern: String? = nil, count: Int = 250, type: String? = nil) -> RedisScan {
        RedisScan(client: self, pattern: pattern, count: count, type: type)
    }
}

/// The keys of a database, fetched step by step as they are read.
public struct RedisScan: AsyncSequence, Sendable {
    /// A key.
    public typealias Element = String

    let client: RedisClient
    let pattern: String?
    let count: Int
    let type: String?

    /// The keys as they come, several at a time.
    public var pages: Pages { Pages(scan: self) }

    /// Reads the keys.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pages: pages.makeAsyncIterator())
    }

    /// Reads the keys one by one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var pages: Pages.AsyncIterator
        private var page: [String] = []
        private var index = 0

        fileprivate init(pages: Pages.AsyncIterator) {
            self.pages = pages
        }

        /// The next key, or nil at the end.
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

    /// The keys of a database, several at a time. No page is empty.
    public struct Pages: AsyncSequence, Sendable {
        /// Some keys.
        public typealias Element = [String]

        fileprivate let scan: RedisScan

        /// Reads the pages.
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(scan: scan)
        }

        /// Reads page by page.
        public struct AsyncIterator: AsyncIteratorProtocol {
            fileprivate let scan: RedisScan
            private var servers: [RedisServer]?
            private var cursor = "0"
            private var isAtEnd = false

            fileprivate init(scan: RedisScan) {
                self.scan = scan
            }

            /// The next keys, or nil at the end.
            /// - Throws: ``RedisError``.
            public mutating func next() async throws -> [String]? {
                while !isAtEnd {
                    var command = RedisCommand("SCAN", self.cursor).idempotent
                    if let pattern = scan.pattern { command.append("MATCH", pattern) }
                    command.append("COUNT", scan.count)
                    if let type = scan.type { command.append("TYPE", type) }
                    let reply = try await ask(command)
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

            private mutating func ask(_ command: RedisCommand) async throws -> [RESPValue] {
                guard scan.client.isCluster else { return try await scan.client.array(command) }
                let servers: [RedisServer]
                if let known = self.servers {
                    servers = known
                } else {
                    servers = try await scan.client.servers()
                }
                self.servers = servers
                return try await servers[0].array(command)
            }
        }
    }
}
