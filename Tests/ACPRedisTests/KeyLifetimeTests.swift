// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Lifetime of keys")
struct KeyLifetimeTests {
    @Test("After each kind of operation, every key has a time to live")
    func everyKeyExpires() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url, timeToLive: .seconds(100))
        try await withClient(server.url) { client in
            var seen: Set<String> = []
            func check(_ step: String) async throws {
                let report = try await KeyReport(client)
                seen.formUnion(report.lives.keys.map { $0.split(separator: ":").prefix(2).joined(separator: ":") })
                #expect(report.eternal == [], "after \(step)")
                #expect(report.lives.values.allSatisfy { $0 <= 200_000 }, "after \(step)")
            }
            var writer = try await Writer.create(storage, principal: "Ada")
            try await check("creation")
            try await writer.write([part(1)])
            try await check("a commit")
            var commit = try writer.next([part(2)])
            let content = StoredContent(digest: ContentDigest(hash: [UInt8](repeating: 7, count: 32)), bytes: [1])
            commit.contents = [content]
            try await storage.commit(commit)
            try await check("a commit with a content")
            for status in [RunStatus.inProgress, .awaiting] {
                try await writer.become(status)
                try await check("becoming \(status)")
            }
            let heir = RunOwner(process: ProcessID())
            #expect(try await storage.claim(writer.run.id, for: heir, from: writer.owner))
            writer.owner = heir
            try await check("a claim")
            try await storage.coordination.send(.cancel, to: writer.run.id)
            try await storage.coordination.send(.cancel, to: RunID())
            try await check("signals")
            try await storage.coordination.heartbeat(of: heir.process, timeToLive: .seconds(10))
            try await storage.coordination.heartbeat(of: ProcessID(), timeToLive: .seconds(1))
            try await check("heartbeats")
            let byHand = Run(agentName: "by-hand", sessionID: SessionID(), status: .inProgress)
            try await storage.save(byHand)
            try await check("saving by hand")
            try await storage.append(part(1), to: byHand.id)
            try await check("appending by hand")
            try await storage.save(byHand)
            try await check("saving again")
            let session = SessionID()
            try await storage.append([block("one"), block("two")], to: session)
            try await check("history")
            try await storage.append([HistoryBlock(key: "three", entries: [], contents: [content])], to: session)
            try await check("history with a content")
            try await storage.save(SessionRecord(id: session), expecting: nil)
            try await check("a session")
            _ = try await storage.coordination.enqueue(byHand.id, in: session)
            _ = try await storage.coordination.enqueue(writer.run.id, in: session)
            try await storage.coordination.dequeue(byHand.id, from: session)
            try await check("a queue")
            try await storage.coordination.leave(ProcessID())
            try await check("leaving")
            _ = try await storage.runs(RunQuery())
            _ = try await storage.runs(ownedBy: heir.process, limit: 10)
            try await check("listing")
            try await writer.become(.cancelled)
            try await check("the end")
            try await storage.deleteRun(writer.run.id)
            try await check("deleting")
            try await storage.deleteRun(byHand.id, forGood: true)
            let report = try await KeyReport(client)
            seen.insert("acp:deleted")
            #expect(report.eternal == [], "after deleting for good")
            let life = try #require(report.lives["acp:deleted:\(byHand.id)"])
            #expect((1...RunCommit.deletionPeriod.wholeMilliseconds).contains(Int(life)))
            #expect(Set(seen.map { $0.dropFirst(4) }) == Set(RedisKeys.Kind.allCases.map { $0.rawValue[...] }))
        }
        await storage.close()
    }

    @Test("When runs have expired, listings and totals are exact, and indexes contain only existing runs")
    func indexesShrink() async throws {
        let server = try await RedisTestServer.start()
        let short = try RedisStorage(url: server.url, timeToLive: .milliseconds(400))
        // Keeps the indexes of the expired runs alive.
        let long = try RedisStorage(url: server.url, timeToLive: .seconds(600))
        let session = SessionID()
        let process = ProcessID()
        var kept: [Run] = []
        for number in 0..<150 {
            var writer = Writer(number % 10 == 0 ? long : short, session: session)
            writer.owner = RunOwner(process: process)
            try await writer.write([.runCreated(writer.run)], snapshot: true)
            do {
                if number % 3 == 0 { try await writer.become(.inProgress) }
                if number % 5 == 0, number % 10 != 0 { try await writer.become(.completed) }
            } catch let error as StorageError where error.code == .notFound && writer.storage === short {
                // The machine is slow: the run has expired already.
            }
            if number % 10 == 0 { kept.insert(writer.run, at: 0) }
        }
        try await withClient(server.url) { client in
            let left = try await poll {
                try await client.send("EVAL", "return #redis.call('KEYS', 'acp:run:*')", 0).int == kept.count
            }
            #expect(left, "runs do not expire")
            for filter in [RunQuery.Filter.all, .agent(agent), .session(session)] {
                let page = try await long.runs(RunQuery(filter, limit: 100))
                #expect(page.total == kept.count)
                #expect(page.items == kept)
            }
            for status in [RunStatus.created, .inProgress] {
                let page = try await long.runs(RunQuery(.unfinished(status), limit: 100))
                let expected = kept.filter { $0.status == status }
                #expect(page.total == expected.count)
                #expect(page.items == expected)
            }
            #expect(try await Set(long.runs(ownedBy: process, limit: 1_000)) == Set(kept.map(\.id)))
            let report = try await KeyReport(client)
            for key in ["acp:runs", "acp:agent_runs:tester", "acp:session_runs:\(session)", "acp:runs_expiry"] {
                #expect(report.sizes[key] == kept.count, "\(key)")
            }
            #expect(report.sizes["acp:process_runs:\(process)"] == kept.count)
            let byStatus = report.sizes.filter { $0.key.hasPrefix("acp:status_runs:tester:") }
            #expect(byStatus.values.reduce(0, +) == kept.count, "\(byStatus)")
        }
        await short.close()
        await long.close()
    }

    @Test("Indexes shrink without being listed, as new runs are created", arguments: [nil, "Ada"] as [PrincipalID?])
    func indexesShrinkByCreation(principal: PrincipalID?) async throws {
        let server = try await RedisTestServer.start()
        let short = try RedisStorage(url: server.url, timeToLive: .milliseconds(200))
        let long = try RedisStorage(url: server.url, timeToLive: .seconds(600))
        let process = ProcessID()
        func create(on storage: RedisStorage) async throws {
            var writer = Writer(storage, principal: principal)
            writer.owner = RunOwner(process: process)
            try await writer.write([.runCreated(writer.run)], snapshot: true)
        }
        var indexes = [
            "acp:runs", "acp:runs_expiry", "acp:agent_runs:tester", "acp:status_runs:tester:created",
            "acp:process_runs:\(process)",
        ]
        if principal != nil {
            indexes += [
                "acp:principal_runs:Ada", "acp:principal_agent_runs:Ada:tester", "acp:principal_runs_expiry:Ada",
                "acp:principal_unfinished_runs:Ada:created", "acp:principal_status_runs:Ada:tester:created",
            ]
        }
        for _ in 0..<40 { try await create(on: short) }
        try await create(on: long)
        try await withClient(server.url) { client in
            var created = 1
            let shrunk = try await poll(every: .milliseconds(20)) { [indexes] in
                try await create(on: long)
                created += 1
                let report = try await KeyReport(client)
                return indexes.allSatisfy { report.sizes[$0] == created }
            }
            #expect(shrunk, "expired runs stay in the indexes")
        }
        await short.close()
        await long.close()
    }

    @Test(
        "A run whose commits go on past the TTL stays in its indexes, which outlive it at every moment",
        arguments: [nil, "Ada"] as [PrincipalID?])
    func longRun(principal: PrincipalID?) async throws {
        let server = try await RedisTestServer.start()
        // The clocks are set by the test, here and in Redis, so that nothing depends on the speed of the machine.
        let clock = ManualClock()
        let client = try RedisClient(url: server.url)
        let storage = try RedisStorage(
            client: client, ownClient: client, timeToLive: .seconds(1_000), prefix: "acp:",
            logger: .init(label: "test"),
            now: clock.now)
        let start = ContinuousClock.now
        clock.set(start)
        var writer = try await Writer.create(storage, principal: principal)
        let run = RunIndexEntry(writer.run)
        let indexes =
            storage.keys.listings(of: run) + storage.keys.expiryQueues(of: run)
            + storage.keys.unfinished(run, .created) + storage.keys.statusIndexes(of: agent, principal, .created)
            + [storage.keys.processRuns(writer.owner.process)]
        for step in 1...40 {
            // A tenth of a TTL passes: four TTLs in all.
            for key in try await KeyReport(client).lives {
                try await client.send("PEXPIRE", key.key, max(1, key.value - 100_000))
            }
            clock.set(start + .seconds(100) * step)
            try await writer.write([part(step)])
            let lives = try await KeyReport(client).lives
            let life = try #require(lives[storage.keys.run(writer.run.id)])
            #expect(life > 990_000)
            for index in indexes { #expect(try #require(lives[index]) > life, "\(index) after \(step) steps") }
        }
        for filter in [RunQuery.Filter.all, .agent(agent), .unfinished(.created)] {
            let page = try await storage.runs(RunQuery(filter))
            #expect(page.items.map(\.id) == [writer.run.id], "\(filter)")
            #expect(page.total == 1)
        }
        #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 5) == [writer.run.id])
        await storage.close()
    }

    @Test("A storage that continues a run of another storage keeps its indexes alive as well")
    func continuedElsewhere() async throws {
        let server = try await RedisTestServer.start()
        let first = try RedisStorage(url: server.url, timeToLive: .seconds(100))
        let second = try RedisStorage(url: server.url, timeToLive: .seconds(10_000))
        var writer = try await Writer.create(first)
        try await second.commit(try writer.next([part(1)]))
        try await withClient(server.url) { client in
            let report = try await KeyReport(client)
            for (key, life) in report.lives {
                #expect(life > (report.sizes[key] != nil && !key.contains("events") ? 19_000_000 : 9_000_000), "\(key)")
            }
        }
        await first.close()
        await second.close()
    }

    @Test("The record of a written run is removed when it ends, is deleted or is not written any more")
    func tracked() async throws {
        let server = try await RedisTestServer.start()
        let clock = ManualClock()
        let client = try RedisClient(url: server.url)
        let storage = try RedisStorage(
            client: client, ownClient: client, timeToLive: .seconds(600), prefix: "acp:", logger: .init(label: "test"),
            now: clock.now)
        var first = try await Writer.create(storage)
        let second = try await Writer.create(storage)
        #expect(storage.trackedRuns.count == 2)
        try await first.become(.failed)
        try await storage.deleteRun(second.run.id)
        #expect(storage.trackedRuns.count == 0)
        for number in 0..<1_023 { try await storage.save(Run(id: RunID(rawValue: "r\(number)")!, agentName: agent)) }
        for number in 0..<1_023 { try await storage.append(part(1), to: RunID(rawValue: "r\(number)")!) }
        #expect(storage.trackedRuns.count == 1_023)
        clock.set(ContinuousClock.now + .seconds(700))
        _ = try await Writer.create(storage)
        #expect(storage.trackedRuns.count == 1)
        await storage.close()
    }
}
