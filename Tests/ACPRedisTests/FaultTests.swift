// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Faults of networks and servers")
struct FaultTests {
    private static func configuration(
        port: Int, timeout: Duration = .seconds(20), connectTimeout: Duration = .seconds(1)
    ) -> RedisStorage.Configuration {
        var configuration = RedisStorage.Configuration(redis: RedisConfiguration(host: "127.0.0.1", port: port))
        configuration.redis.commandTimeout = timeout
        configuration.redis.connectTimeout = connectTimeout
        configuration.redis.pool.maxBackoff = .milliseconds(100)
        return configuration
    }

    @Test("A commit whose reply is lost is repeated by the storage and stored once")
    func lostReplies() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        let storage = try RedisStorage(Self.configuration(port: proxy.port))
        let direct = try RedisStorage(url: server.url)
        var writer = try await Writer.create(storage)
        for number in 0..<20 {
            // The command arrives, but its reply does not. The repetition succeeds.
            proxy.mode = .closeOnReply
            let commit = try writer.next([part(number)], snapshot: number.isMultiple(of: 4))
            async let outcome: Void = storage.commit(commit)
            let expected = writer.events.count
            let arrived = try await poll { try await direct.eventCount(of: commit.run) == expected }
            #expect(arrived)
            proxy.mode = .forward
            try await outcome
            #expect(try await writer.isStored(on: direct))
        }
        // The same for a creation.
        proxy.mode = .closeOnReply
        var other = Writer(storage)
        let creation = try other.next([.runCreated(other.run)], snapshot: true)
        async let outcome: Void = storage.commit(creation)
        #expect(try await poll { try await direct.eventCount(of: creation.run) == 1 })
        proxy.mode = .forward
        try await outcome
        #expect(try await other.isStored(on: direct))
        #expect(try await direct.runs(RunQuery()).total == 2)
        await storage.close()
        await direct.close()
        await proxy.stop()
    }

    @Test(
        "A commit whose replies are all lost has an unknown outcome, and repeating it neither doubles nor loses events")
    func outcomeUnknown() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        let storage = try RedisStorage(Self.configuration(port: proxy.port, timeout: .milliseconds(300)))
        let direct = try RedisStorage(url: server.url)
        var writer = try await Writer.create(direct)
        for mode in [FaultProxy.Mode.dropReplies, .closeOnReply] {
            let commit = try writer.next([part(1), part(2)], snapshot: true)
            // A connection exists, on which the commit is sent at once.
            try await Self.untilAcknowledged { _ = try await storage.ping() }
            proxy.mode = mode
            let error = try #require(await storageError { try await storage.commit(commit) })
            #expect(error.code == .outcomeUnknown)
            #expect(error.isTransient)
            // The command has arrived, or is on its way, or never arrives: the storage cannot know.
            proxy.mode = .forward
            for _ in 0..<2 {
                try await Self.untilAcknowledged { try await storage.commit(commit) }
                #expect(try await writer.isStored(on: direct))
            }
        }
        await storage.close()
        await direct.close()
        await proxy.stop()
    }

    @Test("Lost replies to reads leave nothing in doubt, and history appends are not doubled")
    func otherLostReplies() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        let storage = try RedisStorage(Self.configuration(port: proxy.port, timeout: .milliseconds(300)))
        let direct = try RedisStorage(url: server.url)
        let session = SessionID()
        /// Returns the code of a call whose reply is lost.
        func code(_ call: () async throws -> Void) async throws -> StorageError.Code? {
            proxy.mode = .forward
            // A connection exists, on which the call is sent at once.
            try await Self.untilAcknowledged { _ = try await storage.ping() }
            proxy.mode = .dropReplies
            defer { proxy.mode = .forward }
            return await storageError(call)?.code
        }
        #expect(try await code { _ = try await storage.record(of: RunID()) } == .timedOut)
        #expect(try await code { try await storage.append([block("one")], to: session) } == .outcomeUnknown)
        #expect(
            try await code { try await storage.save(SessionRecord(id: session), expecting: 0) } == .outcomeUnknown)
        try await Self.untilAcknowledged { try await storage.append([block("one")], to: session) }
        #expect(try await direct.history(of: session).count == 1)
        // The save had arrived.
        #expect(try await direct.session(session)?.version == 1)
        let again = await storageError { try await direct.save(SessionRecord(id: session), expecting: 0) }
        #expect(again?.code == .conflict)
        await storage.close()
        await direct.close()
        await proxy.stop()
    }

    @Test("A server that is not running is reported as cannotConnect within the time limit")
    func notThere() async throws {
        let storage = try RedisStorage(Self.configuration(port: try FreePort.find(), timeout: .milliseconds(300)))
        let error = try #require(await storageError { _ = try await Writer.create(storage) })
        #expect(error.code == .cannotConnect)
        #expect(error.isTransient)
        #expect(error.cause is RedisError)
        #expect(await storageError { _ = try await storage.runs(RunQuery()) }?.code == .cannotConnect)
        #expect(await storageError { _ = try await storage.coordination.changes(of: RunID()) } != nil)
        await storage.close()
    }

    @Test("Redis killed and restarted in the middle of commits loses nothing that was acknowledged and doubles nothing")
    func killedAndRestarted() async throws {
        let server = try await RedisTestServer.start { $0.appendOnly = true }
        let storage = try RedisStorage(Self.configuration(port: server.port, timeout: .seconds(1)))
        let runs = 8
        // Every writer continues until it has committed after each of the kills, repeating commits with unknown
        // outcomes.
        let stage = Stage()
        try await withThrowingTaskGroup(of: Writer?.self) { group in
            for _ in 0..<runs {
                group.addTask {
                    var writer = Writer(storage)
                    var commit = try writer.next([.runCreated(writer.run)], snapshot: true)
                    var number = 0
                    while true {
                        try await Self.untilAcknowledged { try await storage.commit(commit) }
                        await stage.committed(writer.run.id)
                        if await stage.isOver { return writer }
                        number += 1
                        commit = try writer.next([part(number), part(number)], snapshot: number.isMultiple(of: 7))
                    }
                }
            }
            group.addTask {
                for kills in 0...3 {
                    await stage.begin()
                    let haveCommitted = try await poll(for: .seconds(60)) {
                        await stage.haveAllCommitted(runs, atLeast: 5)
                    }
                    #expect(haveCommitted, "after \(kills) kills: \(server.log)")
                    guard kills < 3 else { break }
                    try await server.kill()
                    try await server.restart()
                }
                await stage.end()
                return nil
            }
            var total = 0
            for try await case let writer? in group {
                total += 1
                #expect(try await writer.isStored())
                #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 5) == [writer.run.id])
            }
            #expect(total == runs)
        }
        #expect(try await storage.runs(RunQuery()).total == runs)
        await storage.close()
    }

    @Test(
        "A Redis whose append-only file ends within a transaction neither doubles nor drops events without an error",
        arguments: ["RPUSH", "EXEC"])
    func fileEndsWithinTransaction(last: String) async throws {
        let server = try await RedisTestServer.start { $0.appendOnly = true }
        let storage = try RedisStorage(Self.configuration(port: server.port, timeout: .seconds(1)))
        var writer = try await Writer.create(storage)
        let first = try writer.next([part(1)], snapshot: true)
        try await storage.commit(first)
        try await server.kill()
        // The server was killed while it wrote this command.
        try Self.cutAppendOnlyFile(of: server, within: last)
        try await server.restart()
        try await Self.untilAcknowledged { try await storage.commit(first) }
        try await server.kill()
        try await server.restart()
        let second = try writer.next([part(2)])
        do {
            try await Self.untilAcknowledged { try await storage.commit(second) }
            #expect(try await writer.isStored())
        } catch let error as StorageError {
            // Redis 7 has made the last change of the transaction twice.
            #expect(error.code == .conflict)
            #expect(last == "EXEC")
        }
        await storage.close()
    }

    /// Removes what follows the last command of a name from the append-only file.
    private static func cutAppendOnlyFile(of server: RedisTestServer, within command: String) throws {
        let folder = server.folder.appendingPathComponent("appendonlydir")
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).first { $0.hasSuffix(".incr.aof") })
        let file = folder.appendingPathComponent(name)
        let data = try Data(contentsOf: file)
        let found = try #require(data.range(of: Data(command.utf8), options: .backwards))
        try data[..<found.upperBound].write(to: file)
    }

    /// Repeats a step as long as it fails with a transient error.
    static func untilAcknowledged(_ step: () async throws -> Void) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await step()
            } catch let error as StorageError where error.isTransient && ContinuousClock.now < deadline {
                await Task.yield()
            }
        }
    }

    /// How often each run was committed since the last kill.
    actor Stage {
        private var commits: [RunID: Int] = [:]
        private(set) var isOver = false

        func begin() { commits = [:] }
        func end() { isOver = true }
        func committed(_ run: RunID) { commits[run, default: 0] += 1 }
        func haveAllCommitted(_ count: Int, atLeast times: Int) -> Bool {
            commits.count == count && commits.values.allSatisfy { $0 >= times }
        }
    }

    @Test("Calls to a server that sleeps or is stopped fail with a typed error, and succeed afterwards")
    func slowServer() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(Self.configuration(port: server.port, timeout: .milliseconds(400)))
        var writer = Writer(storage)
        let creation = try writer.next([.runCreated(writer.run)], snapshot: true)
        try await Self.untilAcknowledged { try await storage.commit(creation) }
        let direct = try RedisStorage(url: server.url)
        let transient: Set<StorageError.Code> = [.outcomeUnknown, .timedOut, .cannotConnect]
        try await withClient(server.url) { client in
            let faults: [(String, () async throws -> Void, () -> Void)] = [
                ("SIGSTOP", { server.pause() }, { server.resume() }),
                ("CLIENT PAUSE", { try await client.send("CLIENT", "PAUSE", 1_500, "ALL") }, {}),
                (
                    "DEBUG SLEEP",
                    {
                        _ = try? await client.send(
                            RedisCommand("DEBUG", "SLEEP", "1.5").timeout(.milliseconds(50)))
                    }, {}
                ),
            ]
            for (name, begin, end) in faults {
                let commit = try writer.next([part(1)])
                try await begin()
                let error = try #require(await storageError { try await storage.commit(commit) }, "\(name)")
                #expect(transient.contains(error.code), "\(name): \(error)")
                #expect(error.cause is RedisError)
                end()
                try await Self.untilAcknowledged { try await storage.commit(commit) }
                let isStored = try await writer.isStored(on: direct)
                #expect(isStored, "\(name)")
            }
        }
        await storage.close()
        await direct.close()
    }

    @Test("A server that lost its scripts receives them again")
    func scriptFlush() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        var writer = try await Writer.create(storage)
        try await withClient(server.url) { client in
            for number in 0..<5 {
                try await client.send("SCRIPT", "FLUSH", "SYNC")
                try await writer.write([part(number)], snapshot: number == 2)
                try await client.send("SCRIPT", "FLUSH", "SYNC")
                #expect(try await writer.isStored())
                try await client.send("SCRIPT", "FLUSH", "SYNC")
                #expect(try await storage.runs(RunQuery()).items == [writer.run])
            }
        }
        await storage.close()
    }

    @Test("A watcher is notified after the connection was lost, and finds what it missed")
    func watcherAfterReconnect() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        let watching = try RedisStorage(Self.configuration(port: proxy.port))
        let direct = try RedisStorage(url: server.url)
        var writer = try await Writer.create(direct)
        let changes = try await watching.coordination.changes(of: writer.run.id)
        let announcements = try await watching.coordination.announcements(to: writer.owner.process)
        proxy.refusesConnections = true
        await proxy.cut()
        try await writer.write([part(1)])
        try await direct.coordination.send(.cancel, to: writer.run.id)
        proxy.refusesConnections = false
        for await _ in changes { break }
        for await announcement in announcements {
            #expect(announcement == .gap)
            break
        }
        #expect(try await writer.isStored(on: watching))
        #expect(try await watching.coordination.signals(to: writer.run.id) == [.cancel])
        await watching.close()
        await direct.close()
        await proxy.stop()
    }

    @Test("When memory is used up, writes are refused as a whole, and reads succeed")
    func outOfMemory() async throws {
        let server = try await RedisTestServer.start { $0.maxMemory = 64 << 20 }
        let storage = try RedisStorage(url: server.url)
        var writer = try await Writer.create(storage)
        try await writer.write([part(1)])
        try await withClient(server.url) { client in
            // Less than it uses already: from now on, no memory is left.
            try await client.send("CONFIG", "SET", "maxmemory", 1)
            let keys = try await KeyReport(client)
            let before = writer
            for snapshot in [false, true] {
                var next = before
                let commit = try next.next([part(2), part(3)], snapshot: snapshot)
                let error = try #require(await storageError { try await storage.commit(commit) })
                #expect(error.code == .full)
                #expect(error.message.contains("maxmemory"))
                #expect(try await before.isStored())
            }
            let attempts: [() async throws -> Void] = [
                { _ = try await Writer.create(storage) },
                { try await storage.save(Run(agentName: agent)) },
                { try await storage.append(part(1), to: before.run.id) },
                { _ = try await storage.claim(before.run.id, for: RunOwner(process: ProcessID()), from: before.owner) },
                { try await storage.append([block("one")], to: SessionID()) },
                { try await storage.save(SessionRecord(id: SessionID()), expecting: nil) },
                { try await storage.coordination.send(.cancel, to: before.run.id) },
                { try await storage.coordination.heartbeat(of: ProcessID(), timeToLive: .seconds(10)) },
            ]
            for (index, attempt) in attempts.enumerated() {
                #expect(await storageError(attempt)?.code == .full, "attempt \(index)")
            }
            #expect(try await Set(KeyReport(client).lives.keys) == Set(keys.lives.keys))
            #expect(try await before.isStored())
            #expect(try await storage.runs(RunQuery()).items == [before.run])
            // Deletion is possible, and with more memory everything succeeds again.
            try await storage.coordination.forgetSignals(to: before.run.id)
            #expect(try await storage.deleteRun(RunID()) == false)
            try await client.send("CONFIG", "SET", "maxmemory", 64 << 20)
            try await writer.write([part(2)])
            #expect(try await writer.isStored())
        }
        await storage.close()
    }

    @Test("A value that was made unreadable by hand is reported as corruptData with its key")
    func corruptData() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        try await withClient(server.url) { client in
            func expectCorrupt(_ key: String, _ body: () async throws -> Void) async {
                let error = await storageError(body)
                #expect(error?.code == .corruptData, "\(key): \(error.map { "\($0)" } ?? "no error")")
                #expect(error?.message.contains(key) == true, "\(error.map { "\($0)" } ?? "no error")")
            }
            for value in ["garbage", #"{"run_id":1,"_events":1}"#, "{}", #"{"_events":x}"#, ""] {
                let writer = try await Writer.create(storage)
                let key = storage.keys.run(writer.run.id)
                try await client.set(key, value)
                await expectCorrupt(key) { _ = try await storage.record(of: writer.run.id) }
                await expectCorrupt(key) { _ = try await storage.runs(RunQuery()) }
                await expectCorrupt(key) { try await storage.save(writer.run) }
                // It can be deleted nevertheless.
                #expect(try await storage.deleteRun(writer.run.id))
                #expect(try await storage.runs(RunQuery(.agent(agent))).total == 0)
            }
            let writer = try await Writer.create(storage)
            let events = storage.keys.events(writer.run.id)
            try await client.send("RPUSH", events, "no event")
            await expectCorrupt(events) { _ = try await storage.events(of: writer.run.id, from: 0, limit: nil) }
            await expectCorrupt(events) { _ = try await storage.record(of: writer.run.id) }
            try await client.set(events, "no list")
            await expectCorrupt(events) { _ = try await storage.eventCount(of: writer.run.id) }
            try await client.set(storage.keys.input(writer.run.id), "[")
            await expectCorrupt(storage.keys.input(writer.run.id)) { _ = try await storage.input(of: writer.run.id) }
            try await client.set(storage.keys.owner(writer.run.id), "no slash")
            let session = SessionID()
            try await client.set(storage.keys.session(session), "{}")
            await expectCorrupt(storage.keys.session(session)) { _ = try await storage.session(session) }
            await expectCorrupt(storage.keys.session(session)) {
                try await storage.save(SessionRecord(id: session), expecting: nil)
            }
            try await client.send("RPUSH", storage.keys.history(session), "no entry")
            await expectCorrupt(storage.keys.history(session)) { _ = try await storage.history(of: session) }
            try await client.send("HSET", storage.keys.signals(writer.run.id), "cancel", "no signal")
            await expectCorrupt(storage.keys.signals(writer.run.id)) {
                _ = try await storage.coordination.signals(to: writer.run.id)
            }
        }
        await storage.close()
    }

    @Test("A run that was evicted or deleted by hand is removed from the listings when they are read")
    func evicted() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        try await withClient(server.url) { client in
            let session = SessionID()
            var writers: [Writer] = []
            for _ in 0..<6 { writers.insert(try await Writer.create(storage, session: session), at: 0) }
            try await client.unlink([storage.keys.run(writers[1].run.id), storage.keys.run(writers[4].run.id)])
            let expected = [0, 2, 3, 5].map { writers[$0].run }
            for filter in [RunQuery.Filter.agent(agent), .session(session), .all, .unfinished(.created)] {
                let page = try await storage.runs(RunQuery(filter))
                #expect(page.items == expected)
                #expect(page.total == 4)
            }
            var gone = writers[1]
            #expect(await storageError { try await gone.write([part(1)]) }?.code == .incomplete)
            // Created anew, it starts empty, whatever was left of the earlier run.
            var anew = Writer(storage, session: session)
            anew.run = writers[1].run
            try await anew.write([.runCreated(anew.run)], snapshot: true)
            #expect(try await anew.isStored())
            #expect(try await storage.input(of: anew.run.id) == nil)
            #expect(try await storage.runs(RunQuery(.session(session))).total == 5)
        }
        await storage.close()
    }
}
