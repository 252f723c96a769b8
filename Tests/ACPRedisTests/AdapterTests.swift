// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRedis
import ACPStorage
import ACPStorageTesting
import NIOCore
import Redis
import RedisTestSupport
import Testing

/// An adapter for another Redis client library, as docs/redis.md describes it.
struct PlainConnectionAdapter: RedisStorageClient {
    let connection: PlainRedisConnection
    let port: Int

    init(port: Int) async throws {
        connection = try await PlainRedisConnection(port: port)
        self.port = port
    }

    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        do {
            var replies = try await connection.call(requests.map { $0.words.map(\.bytes) })
            for (index, reply) in replies.enumerated() {
                // The server does not have the script yet: its source follows.
                guard case .error(let text) = reply, text.hasPrefix("NOSCRIPT") else { continue }
                replies[index] = try await connection.call([requests[index].withSource.words.map(\.bytes)])[0]
            }
            return replies.map { reply in
                if case .error(let text) = reply {
                    .failure(RedisError(reply: RESPError(text)))
                } else {
                    .success(value(reply))
                }
            }
        } catch {
            throw RedisError(.outcomeUnknown, "The connection was lost.", cause: error, mayHaveExecuted: true)
        }
    }

    func events(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        let subscriber: PlainRedisConnection
        do {
            subscriber = try await PlainRedisConnection(port: port)
        } catch {
            throw RedisError(.connectFailed, "The server cannot be reached.", cause: error)
        }
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: RedisSubscriptionEvent.self)
        continuation.onTermination = { _ in subscriber.close() }
        try await subscriber.subscribe(to: channel) { payload in
            guard let payload else {
                return continuation.finish(throwing: RedisError(.closed, "The connection was lost."))
            }
            continuation.yield(.message(RedisMessage(channel: channel, payload: ByteBuffer(bytes: payload))))
        }
        return stream
    }

    private func value(_ reply: PlainRedisConnection.Reply) -> RESPValue {
        switch reply {
        case .text(let text): .simpleString(text)
        case .error(let text): .simpleError(RESPError(text))
        case .number(let number): .integer(number)
        case .bytes(let bytes): bytes.map { .bulkString(ByteBuffer(bytes: $0)) } ?? .null
        case .list(let parts): parts.map { .array($0.map(value)) } ?? .null
        }
    }
}

@Suite("Conformance of the Redis storage with an adapter for another client library")
struct AdapterConformanceTests {
    static let servers = SharedServer()
    static let adapters = SharedTopology { try await PlainConnectionAdapter(port: try await servers.server.port) }
    static let suite = StorageSuite(
        makeShortLived: {
            .init(try RedisStorage(client: try await adapters.setup, timeToLive: .seconds(2), prefix: "short:"))
        },
        makeStorage: { try RedisStorage(client: try await adapters.setup) })

    @Test("The storage passes the conformance check", arguments: StorageSuite.checks)
    func conformance(_ check: StorageCheck) async throws {
        try await check.run(on: Self.suite)
    }
}

@Suite("Failures of an adapter for another client library")
struct AdapterFailureTests {
    @Test("An error reply of the server is reported with its code and its remedy")
    func errorReply() async throws {
        let server = try await RedisTestServer.start { $0.password = "secret" }
        let storage = try RedisStorage(client: try await PlainConnectionAdapter(port: server.port))
        let error = try #require(await storageError { _ = try await storage.ping() })
        #expect(error.code == .refused)
        #expect((error.cause as? RedisError)?.code == .authenticationFailed)
        await storage.close()
    }

    @Test("A commit on a lost connection has an unknown outcome, and its streams end")
    func lostConnection() async throws {
        let server = try await RedisTestServer.start()
        let adapter = try await PlainConnectionAdapter(port: server.port)
        let storage = try RedisStorage(client: adapter)
        var writer = try await Writer.create(storage)
        let changes = try await storage.coordination.changes(of: writer.run.id)
        server.stop()
        for await _ in changes {}
        let error = await storageError { try await writer.write([part(1)]) }
        #expect(error?.code == .outcomeUnknown)
        await storage.close()
    }
}
