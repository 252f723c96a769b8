// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRedis
import ACPStorage
import Redis
import RedisTestSupport
import Testing

@Suite("Distribution of work over a Redis Cluster", .serialized, .timeLimit(.minutes(5)))
struct ClusterSpreadTests {
    /// Returns the number of commands that each master has executed, those of scripts included.
    private func commands(_ cluster: RedisTestCluster) async throws -> [[String: Int]] {
        try await cluster.servers.asyncMap { server in
            var calls: [String: Int] = [:]
            for line in (try await server.send("INFO", "commandstats").string ?? "").split(whereSeparator: \.isNewline)
            {
                let parts = line.split(separator: ":")
                guard parts.count == 2, parts[0].hasPrefix("cmdstat_") else { continue }
                let count = parts[1].prefix { $0 != "," }.split(separator: "=").last.flatMap { Int($0) }
                calls[String(parts[0].dropFirst("cmdstat_".count))] = count
            }
            return calls
        }
    }

    @Test("The commands of many runs of one agent are distributed evenly over six masters")
    func oneAgent() async throws {
        let cluster = try await RedisTestCluster.start {
            $0.masters = 6
            $0.replicasPerMaster = 0
        }
        defer { cluster.stop() }
        let client = try RedisClient(url: cluster.url)
        let storage = try RedisStorage(client: client)
        let owner = RunOwner(process: ProcessID())
        let (tasks, runsPerTask) = (12, 250)
        @Sendable func write(_ count: Int) async throws {
            for _ in 0..<count {
                var run = Run(agentName: "teller", sessionID: SessionID())
                let created = try [Event.runCreated(run)].map { try EncodedEvent($0) }
                run.status = .inProgress
                let snapshot = try RunSnapshot(run, eventCount: 2)
                let started = try EncodedEvent(.runInProgress(run))
                try await storage.commit(
                    RunCommit(
                        run: run.id, expecting: 0, events: created + [started], snapshot: snapshot, owner: owner,
                        input: try Encoded(["hello"], as: "the input")))
                run.status = .completed
                try await storage.commit(
                    RunCommit(
                        run: run.id, expecting: 2, events: [try EncodedEvent(.runCompleted(run))],
                        snapshot: try RunSnapshot(run, eventCount: 3), owner: owner))
            }
        }
        // Connections are opened and scripts are loaded before.
        try await write(30)
        _ = try await storage.runs(RunQuery())
        let before = try await commands(cluster)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks { group.addTask { try await write(runsPerTask) } }
            try await group.waitForAll()
        }
        let after = try await commands(cluster)
        let totals = zip(after, before).map { after, before in
            after.merging(before) { $0 - $1 }.filter { !["info", "ping", "cluster|shards"].contains($0.key) }
                .values.reduce(0, +)
        }
        let requests = zip(after, before).map { ($0["evalsha"] ?? 0) - ($1["evalsha"] ?? 0) }
        let share = { (counts: [Int]) in Double((counts.max() ?? 0) * counts.count) / Double(counts.reduce(0, +)) }
        let runs = tasks * runsPerTask
        print(
            """
            MEASURED cluster: \(runs) runs of one agent on 6 masters: busiest against mean \(share(totals)) of all \
            commands (\(totals)), \(share(requests)) of requests (\(requests)); for each run \
            \(Double(totals.reduce(0, +)) / Double(runs)) commands, \(Double(requests.reduce(0, +)) / Double(runs)) requests
            """)
        #expect(share(totals) <= 1.2, "\(totals)")
        #expect(share(requests) <= 1.2, "\(requests)")
        #expect(try await storage.runs(RunQuery(.agent("teller"))).total == runs + 30)
        await storage.close()
        await client.close()
    }
}
