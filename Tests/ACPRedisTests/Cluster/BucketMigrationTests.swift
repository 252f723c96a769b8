// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Lists of a cluster that versions before buckets wrote", .serialized)
struct BucketMigrationTests {
    private static let cluster = SharedTopology { try await RedisTestCluster.start { $0.replicasPerMaster = 0 } }

    /// The indexes of versions before buckets.
    private struct EarlierVersion {
        let client: RedisClient
        let prefix: String
        let storage: RedisStorage

        func score(in seconds: Int) async throws -> Int {
            (try await client.send("TIME").array?.first?.int ?? 0) * 1_000 + seconds * 1_000
        }

        func queue(_ run: Run, in seconds: Int) async throws {
            let score = try await score(in: seconds)
            try await client.send("ZADD", "\(prefix)runs_expiry", score, RunIndexEntry(run).expiryMember)
            try await client.send("PEXPIRE", "\(prefix)runs_expiry", 172_800_000)
        }

        /// Writes the entries of a run.
        func list(_ run: Run, owner: ProcessID) async throws {
            let created = Int(run.createdAt.microseconds)
            var keys = ["runs", "agent_runs:\(run.agentName)"]
            if let session = run.sessionID { keys.append("session_runs:\(session)") }
            for status in RedisKeys.unfinishedStatuses {
                let index = "unfinished_runs:\(status.rawValue)"
                try await client.send("ZREM", "\(prefix)\(index)", run.id.rawValue)
                if status == run.status { keys.append(index) }
            }
            if run.status.isTerminal {
                try await client.send("ZREM", "\(prefix)process_runs:\(owner)", run.id.rawValue)
            } else {
                keys.append("process_runs:\(owner)")
            }
            for status in RedisKeys.statuses {
                let index = "\(prefix)status_runs:{\(run.agentName)}:\(status.rawValue)"
                try await client.send("ZREM", index, run.id.rawValue)
                guard status == run.detailedStatus else { continue }
                try await client.send("ZADD", index, Int(run.statusTimestamp.microseconds), run.id.rawValue)
            }
            for key in keys { try await client.send("ZADD", "\(prefix)\(key)", created, run.id.rawValue) }
            try await queue(run, in: run.status.isTerminal ? 86_400 : 30)
        }

        /// Deletes the buckets, as if only the earlier version had written runs.
        func deleteBuckets(_ owners: [ProcessID], _ sessions: [SessionID]) async throws {
            for keys in storage.keys.buckets {
                let indexes =
                    [keys.runs, keys.runsExpiry, keys.agentRuns(agent)] + keys.allUnfinished
                    + keys.allStatusRuns(agent) + owners.map(keys.processRuns) + sessions.map(keys.sessionRuns)
                try await client.unlink(indexes)
            }
        }
    }

    private func withEarlierVersion(
        _ body: (_ earlier: EarlierVersion, _ storage: RedisStorage, _ client: RedisClient) async throws -> Void
    ) async throws {
        try await withClient(try await Self.cluster.setup.url) { client in
            let prefix = "test-\(UInt32.random(in: 0 ... .max)):"
            let storage = try RedisStorage(client: client, prefix: prefix)
            try await body(EarlierVersion(client: client, prefix: prefix, storage: storage), storage, client)
            await storage.close()
        }
    }

    /// Creates runs of which only the earlier version knows: a fresh storage reads them.
    private func make(
        _ count: Int, _ earlier: EarlierVersion, _ client: RedisClient, session: SessionID
    ) async throws -> [Writer] {
        var writers: [Writer] = []
        for number in 0..<count {
            var writer = try await Writer.create(
                earlier.storage, session: session,
                createdAt: Timestamp(microseconds: 1_700_000_000_000_000 + Int64(number)))
            if number % 3 == 1 { try await writer.become(.awaiting) }
            if number % 3 == 2 { try await writer.become(.completed) }
            writers.append(writer)
        }
        try await earlier.deleteBuckets(writers.map(\.owner.process), [session])
        for writer in writers { try await earlier.list(writer.run, owner: writer.owner.process) }
        return writers
    }

    @Test("Runs that an earlier version wrote are listed exactly, and are moved by the first list")
    func moved() async throws {
        try await withEarlierVersion { earlier, _, client in
            let writers = try await make(150, earlier, client, session: "talk")
            let storage = try RedisStorage(client: client, prefix: earlier.prefix)
            let ids = Array(writers.map(\.run.id).reversed())
            // Several callers at once move them together.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for filter in [RunQuery.Filter.all, .agent(agent), .session("talk")] {
                    group.addTask {
                        let page = try await storage.runs(RunQuery(filter, limit: 1_000))
                        #expect(page.items.map(\.id) == ids, "\(filter)")
                        #expect(page.total == 150)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await storage.runs(RunQuery(.unfinished(.awaiting), limit: 1_000)).total == 50)
            #expect(try await storage.runs(RunStatusQuery(agent: agent, statuses: [.completed])).total == 50)
            #expect(try await storage.runs(RunStatusQuery(agent: agent)).total == 150)
            for writer in writers.prefix(3) {
                let owned = try await storage.runs(ownedBy: writer.owner.process, limit: 5)
                #expect(owned == (writer.run.status.isTerminal ? [] : [writer.run.id]))
            }
            #expect(try await client.send("EXISTS", "\(earlier.prefix)runs_expiry").int == 0)
            // The other indexes remain for processes of the earlier version.
            #expect(try await client.send("ZCARD", "\(earlier.prefix)runs").int == 150)
            // Moved runs go on as any others.
            var writer = Writer(storage)
            (writer.run, writer.events, writer.owner) = (writers[0].run, writers[0].events, writers[0].owner)
            try await writer.become(.completed)
            #expect(try await storage.runs(RunQuery(.unfinished(.created))).total == 49)
            #expect(try await storage.runs(RunStatusQuery(agent: agent, statuses: [.completed])).total == 51)
            #expect(try await storage.deleteRun(writer.run.id))
            #expect(try await storage.runs(RunQuery(.session("talk"))).total == 149)
            await storage.close()
        }
    }

    @Test("While processes of an earlier version run, what they write is in the lists of this version")
    func rollingUpgrade() async throws {
        try await withEarlierVersion { earlier, storage, client in
            func listed(_ filter: RunQuery.Filter = .all) async throws -> [RunID] {
                let page = try await storage.runs(RunQuery(filter))
                #expect(page.total == page.items.count)
                return page.items.map(\.id)
            }
            #expect(try await listed().isEmpty)
            let own = try await Writer.create(storage, session: nil)
            let writers = try await make(2, earlier, client, session: "talk")
            // `make` deleted the entries of the first run, which is then repaired.
            await storage.repairIndexes(own.run.id, RunIndexEntry(own.run))
            #expect(try await listed() == [own.run.id] + writers.map(\.run.id).reversed())
            #expect(try await listed(.unfinished(.created)) == [own.run.id, writers[0].run.id])
            // The earlier version ends a run that has been moved.
            var ended = writers[0].run
            ended.status = .completed
            ended.finishedAt = .now
            let value = RunValue.value(try RunSnapshot(ended, eventCount: 1))
            try await client.send("SET", storage.keys.run(ended.id), value, "KEEPTTL")
            try await earlier.list(ended, owner: writers[0].owner.process)
            #expect(try await listed(.unfinished(.created)) == [own.run.id])
            let completed = try await storage.runs(RunStatusQuery(agent: agent, statuses: [.completed]))
            #expect(completed.total == 1 && completed.items.map(\.id) == [ended.id])
            #expect(try await listed() == [own.run.id] + writers.map(\.run.id).reversed())
            #expect(try await client.send("EXISTS", "\(earlier.prefix)runs_expiry").int == 0)
        }
    }

    @Test("A run whose process of an earlier version ended while it created the run is found by a check")
    func unfinishedCreation() async throws {
        try await withEarlierVersion { earlier, storage, client in
            let writer = Writer(storage, session: nil)
            // That version queues a run before it creates it.
            try await earlier.queue(writer.run, in: 30)
            #expect(try await storage.runs(RunQuery()).total == 0)
            #expect(try await client.send("EXISTS", "\(earlier.prefix)runs_expiry").int == 0)
            // Then it creates the run, and ends.
            let value = RunValue.value(try RunSnapshot(writer.run, eventCount: 0))
            try await client.send("SET", storage.keys.run(writer.run.id), value, "PX", 86_400_000)
            let queue = storage.keys.bucket(of: writer.run.id).runsExpiry
            let member = RunIndexEntry(writer.run).expiryMember
            let score = try #require(try await client.send("ZSCORE", queue, member).double)
            #expect(score <= Double(try await earlier.score(in: 31)))
            try await client.send("ZADD", queue, 1, member)
            #expect(try await storage.runs(RunQuery()).items.map(\.id) == [writer.run.id])
        }
    }

    @Test("Runs that have expired or cannot be read, and members of other applications, do not stop the move")
    func unreadable() async throws {
        try await withEarlierVersion { earlier, storage, client in
            let writers = try await make(3, earlier, client, session: "talk")
            try await client.send("DEL", storage.keys.run(writers[0].run.id))
            try await client.send("SET", storage.keys.run(writers[1].run.id), "not a run", "KEEPTTL")
            try await client.send("ZADD", "\(earlier.prefix)runs_expiry", 1, "what is this?")
            let fresh = try RedisStorage(client: client, prefix: earlier.prefix)
            let page = try await fresh.runs(RunQuery())
            #expect(page.items.map(\.id) == [writers[2].run.id] && page.total == 1)
            #expect(try await client.send("EXISTS", "\(earlier.prefix)runs_expiry").int == 0)
            await fresh.close()
        }
    }

    @Test("The first run that a process creates starts the move, without any list")
    func started() async throws {
        try await withEarlierVersion { earlier, _, client in
            let writers = try await make(20, earlier, client, session: "talk")
            let fresh = try RedisStorage(client: client, prefix: earlier.prefix)
            _ = try await Writer.create(fresh)
            try await fresh.migration?.complete()
            #expect(try await client.send("EXISTS", "\(earlier.prefix)runs_expiry").int == 0)
            for writer in writers {
                let index = fresh.keys.bucket(of: writer.run.id).runs
                #expect(try await client.send("ZSCORE", index, writer.run.id.rawValue).isNull == false)
            }
            await fresh.close()
        }
    }
}
