// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPTestSupport
import Redis
import RedisTestSupport
import Synchronization
import Testing

@testable import ACPRedis

@Suite("Lists in buckets on a cluster", .serialized)
struct IndexBucketTests {
    private static let cluster = SharedTopology { try await RedisTestCluster.start { $0.replicasPerMaster = 0 } }

    /// Runs a step with a storage that has a prefix of its own.
    private func withStorage(_ body: (_ storage: RedisStorage, _ client: RedisClient) async throws -> Void) async throws
    {
        try await withClient(try await Self.cluster.setup.url) { client in
            let storage = try RedisStorage(client: client, prefix: "test-\(UInt32.random(in: 0 ... .max)):")
            try await body(storage, client)
            await storage.close()
        }
    }

    // MARK: Layout

    @Test("Buckets are distributed evenly over the slots, and so over any number of shards up to theirs")
    func distribution() {
        let slots = IndexBuckets.tags.map { HashSlotNumber.of("{\($0)}") }
        #expect(slots == (0..<64).map { 256 * $0 + 128 })
        for shards in 1...64 {
            var counts = Array(repeating: 0, count: shards)
            for slot in slots { counts[(0..<shards).last { 16_384 * $0 / shards <= slot } ?? 0] += 1 }
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "\(shards) shards: \(counts)")
        }
    }

    @Test("All indexes of a run share a slot, which is near that of the run")
    func slot() throws {
        let keys = RedisKeys(prefix: "acp:", hashTags: true)
        for _ in 0..<200 {
            let run = Run(agentName: agent, sessionID: SessionID(), principal: "Ada {x}")
            let bucket = keys.bucket(of: run.id)
            let changes = bucket.changes(for: run, owner: ProcessID(rawValue: "{a}b"), from: nil, .unknown)
            let slots = Set(changes.map { HashSlotNumber.of($0.key) })
            #expect(slots.count == 1)
            let distance = try #require(slots.first) - HashSlotNumber.of(keys.run(run.id))
            #expect(abs(distance) <= 128)
        }
        #expect(keys.bucket(of: "8f14e45f-ceea-467f-a9e8-1c2b7f2d9d3a").agentRuns("echo").hasPrefix("acp:agent_runs:{"))
        // On one server, names are as they were.
        let single = RedisKeys(prefix: "acp:", hashTags: false)
        #expect(single.bucket(of: RunID()).agentRuns("echo") == "acp:agent_runs:echo")
    }

    // MARK: Pages

    /// Adds members to an index of which the runs need not exist.
    private func fill(
        _ storage: RedisStorage, _ client: RedisClient, _ positions: [RunStatusQuery.Position]
    ) async throws {
        for (index, members) in Dictionary(grouping: positions, by: { storage.keys.bucket(of: $0.run).runs }) {
            for start in stride(from: 0, to: members.count, by: 500) {
                var words = ["ZADD", index]
                for member in members[start..<min(start + 500, members.count)] {
                    words += ["\(member.changedAt.microseconds)", member.run.rawValue]
                }
                let arguments = words.dropFirst().map { RedisArgument($0) }
                _ = try await client.send(RedisCommand(words[0], arguments: Array(arguments)))
            }
        }
    }

    private func list(_ storage: RedisStorage) -> BucketedList {
        storage.bucketedList(of: nil, .reading("a list", at: storage.keys.runs)) { [$0.runs] }
    }

    @Test("Pages at any offset are those of the merged list, newest first, also where many runs have the same time")
    func pages() async throws {
        try await withStorage { storage, client in
            var positions = (0..<20_000).map { number in
                RunStatusQuery.Position(changedAt: Timestamp(microseconds: Int64(number / 7)), run: RunID())
            }
            try await fill(storage, client, positions)
            positions.sort(by: >)
            let list = list(storage)
            for (offset, limit) in [
                (0, 1), (0, 10), (3, 10), (10, 100), (500, 1_000), (2_047, 10), (2_048, 10), (7_777, 25),
                (19_990, 100), (20_000, 10), (30_000, 10), (0, 0), (0, 20_000), (19_000, .max), (.max, .max), (-1, 2),
            ] {
                let page = try await list.page(skipping: offset, limit: limit)
                #expect(page.total == 20_000)
                let expected = positions.dropFirst(max(0, offset)).prefix(limit)
                #expect(page.items == Array(expected), "\(limit) from \(offset)")
            }
            // By cursor.
            var found: [RunStatusQuery.Position] = []
            while true {
                let page = try await list.page(after: found.last, limit: 1_700)
                if page.items.isEmpty { break }
                found += page.items
            }
            #expect(found == positions)
            let since = Timestamp(microseconds: 2_000)
            let newest = try await list.page(since: since, limit: 5)
            #expect(newest.total == positions.count { $0.changedAt >= since })
            #expect(newest.items == Array(positions.prefix(5)))
        }
    }

    @Test("Pages are exact where most of the newest runs are in one bucket")
    func uneven() async throws {
        try await withStorage { storage, client in
            var positions: [RunStatusQuery.Position] = []
            while positions.count < 2_500 {
                let run = RunID()
                guard IndexBuckets.number(of: run) == 5 || positions.count % 50 == 0 else { continue }
                let time = Int64(positions.count / 2)
                positions.append(.init(changedAt: Timestamp(microseconds: time), run: run))
            }
            try await fill(storage, client, positions)
            positions.sort(by: >)
            for (offset, limit) in [(0, 10), (90, 300), (0, 2_500), (2_300, 20)] {
                let page = try await list(storage).page(skipping: offset, limit: limit)
                #expect(page.items == Array(positions.dropFirst(offset).prefix(limit)), "\(limit) from \(offset)")
                #expect(page.total == 2_500)
            }
        }
    }

    @Test("A page takes one command for each bucket and for each run, in two round trips")
    func cost() async throws {
        try await withStorage { storage, client in
            for _ in 0..<12 { _ = try await Writer.create(storage) }
            let counter = CountingClient(client)
            let counted = try RedisStorage(client: counter, prefix: storage.prefix)
            _ = try await counted.runs(RunQuery())
            for query in [RunQuery(), RunQuery(.agent(agent)), RunQuery(.unfinished(.created))] {
                counter.reset()
                #expect(try await counted.runs(query).items.count == 10)
                // One of them asks for runs of earlier versions.
                #expect(counter.calls == [65, 10])
            }
            counter.reset()
            #expect(try await counted.runs(RunStatusQuery(agent: agent)).items.count == 10)
            #expect(counter.calls == [65, 10])
            await counted.close()
        }
    }

    @Test("A run that is created and ended changes its lists with three commands at most")
    func writes() async throws {
        try await withStorage { storage, client in
            let counter = CountingClient(client)
            let counted = try RedisStorage(client: counter, prefix: storage.prefix)
            // The first run looks for runs of earlier versions.
            _ = try await Writer.create(counted)
            _ = try await counted.runs(RunQuery())
            counter.reset()
            var writer = try await Writer.create(counted, principal: "Ada")
            try await writer.become(.completed)
            // The first two may travel together.
            let count = counter.scripts.filter { $0 == RedisScripts.index.script.sha1 }.count
            #expect(count <= 3)
            #expect(counter.calls.reduce(0, +) == count + 2)
            await counted.close()
        }
    }

    // MARK: Together

    @Test("Lists contain every run whose commit has returned, once, in order, while others are written")
    func concurrentWriters() async throws {
        try await withStorage { storage, client in
            let written = Recorder()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let other = try RedisStorage(client: client, prefix: storage.prefix)
                        for _ in 0..<40 {
                            var writer = Writer(other)
                            let creation = try writer.next([.runCreated(writer.run)], snapshot: true)
                            // A commit does not wait longer than this until its lists are written.
                            let limit = Duration.milliseconds(200)
                            let isListed =
                                try await ContinuousClock().measure { try await other.commit(creation) } < limit
                            if isListed { written.created(writer.run.id) }
                            try await writer.become(.inProgress)
                            let clock = ContinuousClock.now
                            try await writer.become(.completed)
                            if ContinuousClock.now - clock < limit { written.ended(writer.run.id) }
                            written.finished(writer.run.id)
                        }
                        await other.close()
                    }
                }
                group.addTask {
                    while written.finishedRuns.count < 160 {
                        let (created, ended) = (written.createdRuns, written.endedRuns)
                        let all = try await storage.runs(RunQuery(.agent(agent), limit: 1_000))
                        let ids = all.items.map(\.id)
                        #expect(created.isSubset(of: ids))
                        #expect(Set(ids).count == ids.count)
                        #expect(all.total >= created.count && all.total <= 160)
                        #expect(all.items.map(\.createdAt) == all.items.map(\.createdAt).sorted(by: >))
                        let completed = try await storage.runs(
                            RunStatusQuery(agent: agent, statuses: [.completed], limit: 1_000))
                        #expect(ended.isSubset(of: completed.items.map(\.id)))
                    }
                }
                try await group.waitForAll()
            }
            let all = try await storage.runs(RunQuery(limit: 1_000))
            #expect(all.total == 160 && Set(all.items.map(\.id)) == written.finishedRuns)
            #expect(try await storage.runs(RunQuery(.unfinished(.inProgress))).total == 0)
            #expect(try await storage.runs(RunQuery(.unfinished(.created))).total == 0)
            #expect(try await storage.runs(RunStatusQuery(agent: agent, statuses: [.completed])).total == 160)
        }
    }

    @Test("Expired runs leave the lists of all buckets, and totals are exact")
    func expiry() async throws {
        try await withStorage { storage, client in
            let short = try RedisStorage(client: client, timeToLive: .milliseconds(300), prefix: storage.prefix)
            let kept = try await Writer.create(storage, principal: "Ada")
            var last = try await Writer.create(short, principal: "Ada")
            for _ in 1..<100 { last = try await Writer.create(short, principal: "Ada") }
            let id = last.run.id
            try await eventually("the last run has expired") { try await storage.run(id) == nil }
            for principal in [nil, "Ada"] as [PrincipalID?] {
                let page = try await storage.runs(RunQuery(principal: principal, limit: 1_000))
                #expect(page.items.map(\.id) == [kept.run.id] && page.total == 1)
                let byStatus = try await storage.runs(RunStatusQuery(agent: agent, principal: principal))
                #expect(byStatus.items.map(\.id) == [kept.run.id] && byStatus.total == 1)
            }
            for keys in storage.keys.buckets {
                #expect(try await client.send("ZCARD", keys.runsExpiry).int ?? 0 <= 1)
                #expect(try await client.send("ZCARD", keys.principalRunsExpiry("Ada")).int ?? 0 <= 1)
            }
            await short.close()
        }
    }
}

/// Records runs of concurrent writers.
private final class Recorder: Sendable {
    private let state = Mutex((created: Set<RunID>(), ended: Set<RunID>(), finished: Set<RunID>()))

    func created(_ run: RunID) { state.withLock { _ = $0.created.insert(run) } }
    func ended(_ run: RunID) { state.withLock { _ = $0.ended.insert(run) } }
    func finished(_ run: RunID) { state.withLock { _ = $0.finished.insert(run) } }
    var createdRuns: Set<RunID> { state.withLock { $0.created } }
    var endedRuns: Set<RunID> { state.withLock { $0.ended } }
    var finishedRuns: Set<RunID> { state.withLock { $0.finished } }
}
