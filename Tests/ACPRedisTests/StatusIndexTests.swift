// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Indexes of an agent's runs by status")
struct StatusIndexTests {
    private func withServer(_ body: (RedisStorage, RedisClient) async throws -> Void) async throws {
        let server = try await RedisTestServer.start()
        let client = try RedisClient(url: server.url)
        let storage = try RedisStorage(client: client)
        try await body(storage, client)
        await storage.close()
        await client.close()
    }

    /// Returns the total and the ids of a listing.
    private func listed(
        _ storage: RedisStorage, _ statuses: Set<DetailedRunStatus> = []
    ) async throws -> (Int, Set<RunID>) {
        let page = try await storage.runs(RunStatusQuery(agent: agent, statuses: statuses, limit: 1_000))
        return (page.total, Set(page.items.map(\.id)))
    }

    /// Deletes the indexes by status, which earlier versions did not write.
    private func deleteIndexes(_ storage: RedisStorage, _ client: RedisClient) async throws {
        for index in storage.keys.allStatusRuns(agent) { try await client.send("DEL", index) }
    }

    @Test("A run is in the index of its status, by the time of its last change in microseconds")
    func entries() async throws {
        try await withServer { storage, client in
            let createdAt = Timestamp(microseconds: 1_700_000_000_000_123)
            var writer = try await Writer.create(storage, createdAt: createdAt)
            let id = writer.run.id.rawValue
            #expect(
                try await client.send("ZSCORE", "acp:status_runs:tester:created", id).double == 1_700_000_000_000_123)
            writer.run.statusChangedAt = createdAt + .seconds(1)
            try await writer.become(.inProgress)
            writer.run.finishedAt = createdAt + .seconds(2)
            writer.run.statusChangedAt = nil
            writer.run.error = ACPError(.rejected, "no")
            try await writer.become(.failed)
            let score = try await client.send("ZSCORE", "acp:status_runs:tester:rejected", id).double
            #expect(score == 1_700_000_002_000_123)
            var indexes: [String] = []
            for try await key in client.scan() where key.hasPrefix("acp:status_runs:") { indexes.append(key) }
            #expect(indexes == ["acp:status_runs:tester:rejected"])
        }
    }

    @Test(
        "A run that is created and ended in two commits costs 48 commands, and more only if it has a principal",
        arguments: [(nil, 48), ("Ada", 67)] as [(PrincipalID?, Int)])
    func cost(principal: PrincipalID?, expected: Int) async throws {
        try await withServer { storage, client in
            func calls() async throws -> [String: Int] {
                let info = try await client.send("INFO", "commandstats").string ?? ""
                var calls: [String: Int] = [:]
                for (name, value) in EvictionCheck.fields(info) {
                    let count = value.prefix { $0 != "," }.split(separator: "=").last.flatMap { Int($0) }
                    calls[String(name.dropFirst("cmdstat_".count))] = count
                }
                return calls
            }
            let owner = RunOwner(process: ProcessID())
            let session = SessionID()
            func create() async throws -> Writer {
                var writer = Writer(storage, session: session, principal: principal)
                writer.owner = owner
                var started = writer.run
                started.status = .inProgress
                let events: [Event] = [.runCreated(writer.run), .runInProgress(started)]
                try await storage.commit(try writer.next(events, snapshot: true, input: ["hello"]))
                return writer
            }
            func end(_ writer: inout Writer) async throws {
                var ended = writer.run
                ended.status = .completed
                var commit = try writer.next([.runCompleted(ended)], snapshot: true)
                let block = try HistoryBlock(run: ended.id, input: ["hello"], output: ["hello"])
                commit.history = HistoryAppend(block, to: session)
                try await storage.commit(commit)
            }
            // All indexes exist before and after. One run in eight queries the queues as well.
            let other = try await create()
            var first = try await create()
            try await end(&first)
            var found: [[String: Int]] = []
            for _ in 0..<4 {
                let before = try await calls()
                var writer = try await create()
                try await end(&writer)
                found.append(try await calls().merging(before) { $0 - $1 }.filter { $0.key != "info" && $0.value > 0 })
            }
            #expect(try await listed(storage, [.inProgress]) == (1, [other.run.id]))
            let total = found.map { $0.values.reduce(0, +) }.min() ?? 0
            #expect(total == expected, "\(found)")
        }
    }

    @Test("Runs of an earlier version are added when their agent's runs are listed by status for the first time")
    func fill() async throws {
        try await withServer { storage, client in
            var expected: [DetailedRunStatus: Set<RunID>] = [:]
            for number in 0..<450 {
                var run = Run(agentName: agent, createdAt: Timestamp(microseconds: Int64(number)))
                run.status = RunStatus.allCases[number % RunStatus.allCases.count]
                try await storage.save(run)
                expected[run.detailedStatus, default: []].insert(run.id)
            }
            try await deleteIndexes(storage, client)
            // A storage of another process, which has not compared the numbers yet. Several calls fill once.
            let fresh = try RedisStorage(client: client)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let total = try await listed(fresh).0
                        #expect(total == 450)
                    }
                }
                try await group.waitForAll()
            }
            for (status, runs) in expected { #expect(try await listed(fresh, [status]) == (runs.count, runs)) }
            for run in expected.values.joined() { try await fresh.deleteRun(run) }
            #expect(try await listed(fresh).0 == 0)
            var left: [String] = []
            for try await key in client.scan() { left.append(key) }
            #expect(left == [], "\(left)")
            await fresh.close()
        }
    }

    @Test("A run that cannot be read does not make every listing read all runs")
    func unreadable() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        let writers = [try await Writer.create(storage), try await Writer.create(storage)]
        let monitor = try await RedisMonitor(server)
        try await withClient(server.url) { client in
            try await deleteIndexes(storage, client)
            try await client.send("SET", storage.keys.run(writers[0].run.id), "not a run", "KEEPTTL")
        }
        #expect(try await listed(storage) == (1, [writers[1].run.id]))
        let commands = try await monitor.commands { _ = try await listed(storage) }
        #expect(!commands.contains("ZSCAN") && !commands.contains("ZCARD"), "\(commands)")
        await monitor.close()
        await storage.close()
    }

    @Test("Entries of runs that were evicted, and entries by a former status, are removed when they are found")
    func outdated() async throws {
        try await withServer { storage, client in
            var writers: [Writer] = []
            for _ in 0..<3 { writers.append(try await Writer.create(storage)) }
            try await writers[0].become(.completed)
            try await writers[1].become(.completed)
            #expect(try await listed(storage, [.completed]).0 == 2)
            try await client.send("DEL", storage.keys.run(writers[0].run.id))
            #expect(try await listed(storage) == (2, [writers[1].run.id, writers[2].run.id]))
            #expect(try await client.send("ZCARD", storage.keys.statusRuns(agent, .completed)).int == 1)
            // As a process of an earlier version leaves them.
            let (ended, index) = (writers[1].run.id, storage.keys.statusRuns(agent, .inProgress))
            try await client.send("ZADD", index, 1, ended.rawValue)
            #expect(try await listed(storage, [.inProgress, .created]) == (1, [writers[2].run.id]))
            #expect(try await client.send("ZCARD", index).int == 0)
            #expect(try await listed(storage, [.completed]) == (1, [ended]))
        }
    }

    @Test("Ids of runs are compared by their bytes, as Redis orders them, whatever the server's locale is")
    func order() async throws {
        try await withServer { storage, _ in
            let ids = ["a", "B", "A", "b", "a-", "a.b", "a_b", "aB", "ab", "0", "~", "-"]
            let time = Timestamp(microseconds: 1_700_000_000_000_000)
            for id in ids {
                try await storage.save(Run(id: RunID(stringLiteral: id), agentName: agent, createdAt: time))
            }
            var query = RunStatusQuery(agent: agent, limit: 1)
            var found: [String] = []
            while let run = try await storage.runs(query).items.first {
                found.append(run.id.rawValue)
                query.after = .init(run)
            }
            #expect(found == ids.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }.reversed())
        }
    }
}
