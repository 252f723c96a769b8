// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Redis
import RedisTestSupport
import ServiceLifecycle
import Synchronization
import Testing

@testable import ACPRedis

@Suite("Server configurations")
struct ServerSetupTests {
    /// The rights that docs/redis.md recommends.
    static let rules =
        "resetchannels ~acp:* &acp:* +@read +@write +@scripting +@pubsub +@connection +time -@dangerous +info"

    /// The further rights of docs/redis-cluster.md.
    static let clusterRules = "+cluster|info +cluster|shards +cluster|slots"

    /// Uses all kinds of operations of a storage.
    private func exercise(_ storage: RedisStorage) async throws {
        var writer = Writer(storage)
        let changes = try await storage.coordination.changes(of: writer.run.id)
        try await storage.commit(try writer.next([.runCreated(writer.run)], snapshot: true, input: ["hello"]))
        for await _ in changes { break }
        try await writer.write([part(1)])
        try await writer.become(.completed)
        #expect(try await writer.isStored())
        #expect(try await storage.input(of: writer.run.id)?.map(\.text) == ["hello"])
        #expect(try await storage.runs(RunQuery()).items == [writer.run])
        let byHand = Run(agentName: agent, status: .awaiting)
        try await storage.save(byHand)
        try await storage.append(part(1), to: byHand.id)
        #expect(try await storage.claim(byHand.id, for: writer.owner, from: nil))
        #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 5) == [byHand.id])
        let session = SessionID()
        try await storage.append([block("one")], to: session)
        let state = SessionState(bytes: [0, 255], contentType: "application/octet-stream")
        try await storage.save(SessionRecord(id: session, state: state), expecting: 0)
        #expect(try await storage.session(session)?.state == state)
        #expect(try await storage.history(of: session, from: 0, limit: nil).total == 1)
        let coordination = storage.coordination
        try await coordination.heartbeat(of: writer.owner.process, timeToLive: .seconds(15))
        #expect(try await coordination.liveProcesses() == [writer.owner.process])
        let announcements = try await coordination.announcements(to: writer.owner.process)
        #expect(try await coordination.send(.cancel, to: byHand.id))
        for await announcement in announcements {
            #expect(announcement == .signal(byHand.id))
            break
        }
        #expect(try await coordination.signals(to: byHand.id) == [.cancel])
        try await coordination.leave(writer.owner.process)
        #expect(try await storage.deleteSession(session))
        #expect(try await storage.deleteRun(byHand.id))
        #expect(try await storage.ping() >= .zero)
        let statistics = try await storage.statistics()
        #expect(statistics.kinds.map(\.name).contains("run"))
        #expect(statistics.serverMemoryUsed != nil)
        try await storage.removeAll()
        #expect(try await storage.statistics().keys == 0)
        await storage.close()
    }

    @Test("The storage works on a server with a password, and reports a wrong one")
    func password() async throws {
        let server = try await RedisTestServer.start { $0.password = "s3cret/with:signs" }
        try await exercise(
            try RedisStorage(
                .init(
                    redis: RedisConfiguration(
                        host: "127.0.0.1", port: server.port, password: "s3cret/with:signs"))))
        for url in [server.url, "redis://:wrong-guess@127.0.0.1:\(server.port)"] {
            let storage = try RedisStorage(url: url)
            let error = try #require(await storageError { _ = try await storage.ping() })
            #expect(error.code == .refused)
            #expect(error.message.contains("password"))
            #expect(!"\(error)".contains("wrong-guess"))
            #expect(error.cause is RedisError)
            await storage.close()
        }
    }

    @Test("The storage works as a user with the documented rights on the prefix only")
    func acl() async throws {
        let server = try await RedisTestServer.start {
            $0.acl = ["user default off", "user acp on >secret \(Self.rules)", "user admin on >root ~* &* +@all"]
        }
        func storage(prefix: String) throws -> RedisStorage {
            try RedisStorage(url: "redis://acp:secret@127.0.0.1:\(server.port)", prefix: prefix)
        }
        try await exercise(try storage(prefix: "acp:"))
        let elsewhere = try storage(prefix: "other:")
        let error = try #require(await storageError { _ = try await Writer.create(elsewhere) })
        #expect(error.code == .refused)
        #expect(error.message.contains("~other:*"))
        let subscribing = await storageError { _ = try await elsewhere.coordination.changes(of: RunID()) }
        #expect(subscribing?.code == .refused)
        await elsewhere.close()
    }

    @Test("The storage works on a cluster as a user with the documented rights on the prefix only")
    func clusterACL() async throws {
        let cluster = try await RedisTestCluster.start {
            $0.replicasPerMaster = 0
            $0.extra = ["user acp on >secret \(Self.rules) \(Self.clusterRules)"]
        }
        defer { cluster.stop() }
        try await exercise(try RedisStorage(url: cluster.url.replacing("://", with: "://acp:secret@")))
    }

    @Test("The storage works behind Sentinel as a user with the documented rights on the prefix only")
    func sentinelACL() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        let master = try #require(try await setup.master())
        try await master.send(
            words: ["ACL", "SETUSER", "acp", "on", ">secret"] + Self.rules.split(separator: " ").map(String.init))
        try await exercise(try RedisStorage(url: setup.url.replacing("://", with: "://acp:secret@")))
    }

    @Test("The storage works over TLS, and rejects an unknown authority")
    func tls() async throws {
        let server = try await RedisTestServer.start { $0.tls = true }
        try await exercise(try RedisStorage(url: server.url))
        var tls = RedisTLSConfiguration()
        tls.certificateAuthorities = .file(try #require(server.certificates).authority)
        try await exercise(
            try RedisStorage(.init(redis: RedisConfiguration(host: "127.0.0.1", port: server.port, tls: tls))))
        let distrustful = try RedisStorage(url: "rediss://127.0.0.1:\(server.port)")
        #expect(await storageError { _ = try await distrustful.ping() }?.code == .cannotConnect)
        await distrustful.close()
    }

    @Test("The storage works over a Unix socket")
    func unixSocket() async throws {
        let server = try await RedisTestServer.start { $0.unixSocket = true }
        try await exercise(try RedisStorage(url: server.url))
    }

    @Test("The storage works on a server that supports RESP2 only")
    func resp2() async throws {
        let server = try await RedisTestServer.start { $0.resp2Only = true }
        try await exercise(try RedisStorage(url: server.url))
    }

    @Test("An existing client stays open when its storage is closed and ends its streams")
    func existingClient() async throws {
        let server = try await RedisTestServer.start()
        try await withClient(server.url) { client in
            let storage = try RedisStorage(client: client, timeToLive: .seconds(60), prefix: "mine:")
            let changes = try await storage.coordination.changes(of: RunID())
            try await exercise(storage)
            for await _ in changes {}
            #expect(await storageError { _ = try await storage.ping() }?.code == .closed)
            #expect(await storageError { _ = try await storage.coordination.changes(of: RunID()) }?.code == .closed)
            #expect(try await client.ping() >= .zero)
            // A second storage on the same client works.
            try await exercise(try RedisStorage(client: client))
        }
    }

    @Test("An adapter that sends words and reads replies, without support for scripts, is sufficient")
    func adapter() async throws {
        /// Uses none of the support for scripts of `RedisClient`: sends the words, and falls back to the source itself.
        struct Adapter: RedisStorageClient {
            let client: RedisClient

            func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
                var results: [Result<RESPValue, RedisError>] = []
                for request in requests {
                    do {
                        do {
                            results.append(.success(try await client.send(command(request))))
                        } catch let error as RedisError where error.serverReply?.prefix == "NOSCRIPT" {
                            results.append(.success(try await client.send(command(request.withSource))))
                        }
                    } catch let error as RedisError {
                        results.append(.failure(error))
                    }
                }
                return results
            }

            private func command(_ request: RedisRequest) -> RedisCommand {
                let words = request.words.map(\.bytes)
                return RedisCommand(
                    String(decoding: words[0], as: UTF8.self), arguments: words.dropFirst().map { RedisArgument($0) })
            }

            func events(
                on channel: String
            ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
                try await client.subscribe(to: [channel])
            }
        }
        let server = try await RedisTestServer.start()
        try await withClient(server.url) { client in
            try await exercise(try RedisStorage(client: Adapter(client: client)))
        }
    }

    @Test("As a service, the storage ends with its service group")
    func service() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        let group = ServiceGroup(
            configuration: .init(services: [storage], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        async let running: Void = group.run()
        #expect(try await Writer.create(storage).isStored())
        await group.triggerGracefulShutdown()
        try await running
        #expect(await storageError { _ = try await storage.ping() }?.code == .closed)
    }

    @Test("A storage ends its streams when it is deinitialized")
    func forgotten() async throws {
        let server = try await RedisTestServer.start()
        var storage: RedisStorage? = try RedisStorage(url: server.url)
        let changes = try #require(try await storage?.coordination.changes(of: RunID()))
        storage = nil
        for await _ in changes {}
    }
}
