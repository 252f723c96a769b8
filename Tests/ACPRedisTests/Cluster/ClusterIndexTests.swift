// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPTestSupport
import Redis
import RedisTestSupport
import Synchronization
import Testing

@testable import ACPRedis

@Suite("Repair of lists on a cluster", .serialized)
struct ClusterIndexTests {
    private static let cluster = SharedTopology { try await RedisTestCluster.start { $0.replicasPerMaster = 0 } }

    /// Runs a step with a prefix of its own, a storage that works, and one whose process ends before it writes a list.
    private func withStorages(
        _ body: (_ storage: RedisStorage, _ dying: RedisStorage, _ death: Death, _ client: RedisClient) async throws ->
            Void
    ) async throws {
        let url = try await Self.cluster.setup.url
        let prefix = "test-\(UInt32.random(in: 0 ... .max)):"
        try await withClient(url) { client in
            let death = Death(client)
            let storage = try RedisStorage(client: client, prefix: prefix)
            let dying = try RedisStorage(client: death, prefix: prefix)
            try await body(storage, dying, death, client)
            await storage.close()
            await dying.close()
        }
    }

    /// Makes all members of the queue due.
    private func makeQueueDue(_ storage: RedisStorage, _ client: RedisClient) async throws {
        for queue in storage.keys.buckets.map(\.runsExpiry) {
            for member in try await client.send("ZRANGE", queue, 0, -1).array ?? [] {
                try await client.send("ZADD", queue, 1, member.string ?? "")
            }
        }
    }

    /// Returns the number of all members of the queue.
    private func queued(_ storage: RedisStorage, _ client: RedisClient) async throws -> Int {
        var count = 0
        for keys in storage.keys.buckets { count += try await client.send("ZCARD", keys.runsExpiry).int ?? 0 }
        return count
    }

    private func listed(_ storage: RedisStorage, _ filter: RunQuery.Filter = .all) async throws -> (Int, [RunID]) {
        let page = try await storage.runs(RunQuery(filter))
        return (page.total, page.items.map(\.id))
    }

    @Test(
        "All keys of a run share a slot, and so do all keys of a session; they have the documented names"
    )
    func layout() async throws {
        try await withStorages { storage, _, _, client in
            var writer = try await Writer.create(storage)
            try await writer.write([part(1)])
            let id = writer.run.id
            #expect(try await client.exists("\(storage.prefix)run:{\(id)}", "\(storage.prefix)events:{\(id)}") == 2)
            let slots = Set(
                (storage.keys.allOfRun(id).values + [storage.keys.changes(id)]).map { HashSlotNumber.of($0) })
            #expect(slots.count == 1)
            let session = SessionID()
            #expect(Set(storage.keys.allOfSession(session).values.map { HashSlotNumber.of($0) }).count == 1)
            #expect(try await storage.statistics().kinds.first { $0.name == "run" }?.keys == 1)
            try await storage.removeAll()
            #expect(try await storage.statistics().keys == 0)
        }
    }

    @Test("A run whose process ended right after creating it is listed as soon as it is checked")
    func creation() async throws {
        try await withStorages { storage, dying, death, client in
            death.skipsIndexes = true
            let writer = try await Writer.create(dying)
            // The run exists, but the lists do not contain it yet.
            #expect(try await storage.run(writer.run.id) == writer.run)
            #expect(try await listed(storage).0 == 0)
            // An early check was scheduled beforehand.
            #expect(try await queued(storage, client) == 1)
            try await makeQueueDue(storage, client)
            #expect(try await listed(storage) == (1, [writer.run.id]))
            #expect(try await listed(storage, .unfinished(.created)) == (1, [writer.run.id]))
            #expect(try await listed(storage, .agent(agent)).0 == 1)
            #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 5) == [writer.run.id])
        }
    }

    @Test("A run whose process ended right after ending it does not remain in the list of unfinished runs")
    func ending() async throws {
        try await withStorages { storage, dying, death, client in
            var writer = try await Writer.create(dying)
            try await writer.become(.inProgress)
            #expect(try await listed(storage, .unfinished(.inProgress)).0 == 1)
            death.skipsIndexes = true
            try await writer.become(.completed)
            // A reader that finds it repairs it at once.
            #expect(try await listed(storage, .unfinished(.inProgress)) == (0, []))
            let index = storage.keys.bucket(of: writer.run.id).unfinishedRuns(.inProgress)
            #expect(try await client.send("ZCARD", index).int == 0)
            #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 5).isEmpty)
            #expect(try await listed(storage) == (1, [writer.run.id]))
        }
    }

    @Test("A run whose process ended right after changing its status is listed by its last status")
    func statuses() async throws {
        try await withStorages { storage, dying, death, client in
            func listed(_ statuses: Set<DetailedRunStatus> = []) async throws -> (Int, [RunID]) {
                let page = try await storage.runs(RunStatusQuery(agent: agent, statuses: statuses))
                return (page.total, page.items.map(\.id))
            }
            var writer = try await Writer.create(dying)
            try await writer.become(.inProgress)
            #expect(try await listed([.inProgress]) == (1, [writer.run.id]))
            death.skipsIndexes = true
            try await writer.become(.completed)
            // A reader that finds it repairs it at once.
            #expect(try await listed([.inProgress]) == (0, []))
            #expect(try await listed([.completed]) == (1, [writer.run.id]))
            let created = try await Writer.create(dying)
            #expect(try await listed([.created]) == (0, []))
            try await makeQueueDue(storage, client)
            #expect(try await listed() == (2, [created.run.id, writer.run.id]))
            #expect(try await dying.deleteRun(writer.run.id))
            #expect(try await listed() == (1, [created.run.id]))
        }
    }

    @Test("A run whose process ended right after deleting it is removed from all lists, and totals are exact")
    func deletion() async throws {
        try await withStorages { storage, dying, death, client in
            let kept = try await Writer.create(dying)
            let writer = try await Writer.create(dying)
            death.skipsIndexes = true
            #expect(try await dying.deleteRun(writer.run.id))
            try await makeQueueDue(storage, client)
            #expect(try await listed(storage) == (1, [kept.run.id]))
            #expect(try await listed(storage, .session(try #require(writer.run.sessionID))).0 == 0)
            #expect(try await queued(storage, client) == 1)
        }
    }

    @Test("A run whose process ended right after claiming it is found among the runs of that process")
    func claiming() async throws {
        try await withStorages { storage, dying, death, client in
            var writer = try await Writer.create(dying)
            try await writer.become(.inProgress)
            death.skipsIndexes = true
            let claimer = RunOwner(process: ProcessID())
            #expect(try await dying.claim(writer.run.id, for: claimer, from: writer.owner))
            #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 5).isEmpty)
            #expect(try await storage.runs(ownedBy: claimer.process, limit: 5).isEmpty)
            try await makeQueueDue(storage, client)
            _ = try await listed(storage)
            #expect(try await storage.runs(ownedBy: claimer.process, limit: 5) == [writer.run.id])
        }
    }

    @Test("A run that is found among those of a process after the process was forgotten is taken over nevertheless")
    func forgottenOwner() async throws {
        try await withStorages { storage, dying, death, client in
            death.skipsIndexes = true
            let writer = try await Writer.create(dying)
            let owner = writer.owner.process
            // The others find no runs of the process that has ended.
            try await storage.coordination.leave(owner)
            #expect(try await storage.runs(ownedBy: owner, limit: 5).isEmpty)
            try await storage.coordination.forget(owner)
            #expect(try await storage.coordination.lostProcesses().isEmpty)
            try await makeQueueDue(storage, client)
            _ = try await listed(storage)
            #expect(try await storage.coordination.lostProcesses() == [owner])
            #expect(try await storage.runs(ownedBy: owner, limit: 5) == [writer.run.id])
        }
    }

    @Test("A run whose process ended right after creating it is found although no list is read")
    func quietRepair() async throws {
        try await withStorages { storage, dying, death, client in
            death.skipsIndexes = true
            let writer = try await Writer.create(dying)
            try await makeQueueDue(storage, client)
            // What all processes do regularly. The check of due runs takes place in the background.
            #expect(
                try await poll(for: .seconds(30)) {
                    _ = try await storage.runs(ownedBy: .released, limit: 5)
                    return try await storage.runs(ownedBy: writer.owner.process, limit: 5) == [writer.run.id]
                })
        }
    }

    @Test("A run of one server is found although another server, of runs that are also due, accepts no writes")
    func oneRefusingServer() async throws {
        try await withStorages { storage, dying, death, client in
            death.skipsIndexes = true
            var writers: [Writer] = []
            while Set(writers.map { IndexBuckets.number(of: $0.run.id) }).count < 2 {
                writers.append(try await Writer.create(dying))
            }
            let refusing = Death(client)
            refusing.refusedIndex = storage.keys.bucket(of: writers[0].run.id).runs
            let other = try RedisStorage(client: refusing, prefix: storage.prefix)
            let last = try #require(writers.last)
            try await makeQueueDue(storage, client)
            #expect(
                try await poll(for: .seconds(30)) {
                    _ = try await other.runs(ownedBy: .released, limit: 5)
                    return try await other.runs(ownedBy: last.owner.process, limit: 5) == [last.run.id]
                })
            #expect(try await other.runs(ownedBy: writers[0].owner.process, limit: 5).isEmpty)
            await other.close()
        }
    }

    @Test("A run is not created if the check that would find it cannot be scheduled")
    func refusedCheck() async throws {
        try await withStorages { storage, dying, death, client in
            death.refusesChecks = true
            var writer = Writer(dying)
            let creation = try writer.next([.runCreated(writer.run)], snapshot: true)
            let error = await #expect(throws: StorageError.self) { try await dying.commit(creation) }
            #expect(error?.code == .full)
            #expect(try await storage.run(writer.run.id) == nil)
            #expect(try await queued(storage, client) == 0)
            death.refusesChecks = false
            try await dying.commit(creation)
            #expect(try await listed(storage) == (1, [writer.run.id]))
        }
    }

    @Test("A run that is taken over is in all lists at once, even if its process ended right after creating it")
    func takeover() async throws {
        try await withStorages { storage, dying, death, _ in
            death.skipsIndexes = true
            let writer = try await Writer.create(dying)
            #expect(try await listed(storage).0 == 0)
            #expect(try await storage.claim(writer.run.id, for: RunOwner(process: ProcessID()), from: writer.owner))
            #expect(try await listed(storage) == (1, [writer.run.id]))
            #expect(try await listed(storage, .unfinished(.created)) == (1, [writer.run.id]))
            let statuses = try await storage.runs(RunStatusQuery(agent: agent, statuses: [.created]))
            #expect(statuses.items.map(\.id) == [writer.run.id])
        }
    }

    @Test("A check of a run does not end the heartbeat of its process")
    func liveOwner() async throws {
        try await withStorages { storage, _, _, client in
            let owner = try await Writer.create(storage).owner.process
            try await storage.coordination.heartbeat(of: owner, timeToLive: .seconds(60))
            try await makeQueueDue(storage, client)
            _ = try await listed(storage)
            #expect(try await storage.coordination.liveProcesses() == [owner])
            #expect(try await storage.coordination.lostProcesses().isEmpty)
        }
    }

    @Test("A list that is written late, after another process has continued the run, is repaired")
    func lateWriting() async throws {
        try await withStorages { storage, _, _, client in
            var writer = try await Writer.create(storage)
            try await writer.become(.completed)
            // A process that was suspended since before then.
            let index = storage.keys.bucket(of: writer.run.id).unfinishedRuns(.inProgress)
            try await client.send("ZADD", index, 1, writer.run.id.rawValue)
            #expect(try await listed(storage, .unfinished(.inProgress)) == (0, []))
            #expect(try await client.send("ZCARD", index).int == 0)
        }
    }

    @Test("A run that continues is checked repeatedly, and its lists do not change")
    func repeatedCheck() async throws {
        try await withStorages { storage, _, _, client in
            var writer = try await Writer.create(storage)
            try await writer.become(.awaiting)
            for _ in 0..<3 {
                try await makeQueueDue(storage, client)
                #expect(try await listed(storage, .unfinished(.awaiting)) == (1, [writer.run.id]))
            }
            let score = try await client.send(
                "ZSCORE", storage.keys.bucket(of: writer.run.id).runsExpiry, RunIndexEntry(writer.run).expiryMember)
            let now = try await Self.cluster.setup.servers[0].send("TIME").array?.first?.int ?? 0
            // Early, and not only when it expires.
            #expect((score.double ?? 0) / 1000 < Double(now) + 60)
        }
    }

    @Test("A signal to a process whose channel is on another server is announced, also when it is sent a second time")
    func signals() async throws {
        try await withStorages { storage, dying, _, _ in
            let writer = try await Writer.create(storage)
            let process = writer.owner.process
            let announcements = try await storage.coordination.announcements(to: process)
            #expect(try await dying.coordination.send(.cancel, to: writer.run.id))
            #expect(try await !dying.coordination.send(.cancel, to: writer.run.id))
            var iterator = announcements.makeAsyncIterator()
            for _ in 0..<2 { #expect(await iterator.next() == .signal(writer.run.id)) }
        }
    }
}

/// A client whose process seems to have ended when lists are written: they are not, except for scheduled checks.
private final class Death: RedisStorageClient {
    private let client: RedisClient
    private let skips = Mutex(false)
    private let refuses = Mutex(false)
    private let refused = Mutex<String?>(nil)

    init(_ client: RedisClient) { self.client = client }

    var skipsIndexes: Bool {
        get { skips.withLock { $0 } }
        set { skips.withLock { $0 = newValue } }
    }

    /// Whether checks cannot be scheduled, as on a server that has no memory left.
    var refusesChecks: Bool {
        get { refuses.withLock { $0 } }
        set { refuses.withLock { $0 = newValue } }
    }

    /// An index whose server accepts no writes.
    var refusedIndex: String? {
        get { refused.withLock { $0 } }
        set { refused.withLock { $0 = newValue } }
    }

    var isCluster: Bool { true }

    func masterClients() async throws -> [any RedisStorageClient] { try await client.masterClients() }

    func events(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await client.events(on: channel)
    }

    func shardEvents(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await client.shardEvents(on: channel)
    }

    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        if skipsIndexes, requests.contains(where: isIndexWrite) {
            return requests.map { _ in .failure(RedisError(.closed, "The process is dead.")) }
        }
        if let refusedIndex {
            let results = try await client.execute(requests.filter { !isWrite($0, of: refusedIndex) })
            var rest = results[...]
            return requests.map { request in
                isWrite(request, of: refusedIndex)
                    ? .failure(RedisError(.outOfMemory, "The server has no memory left.")) : rest.removeFirst()
            }
        }
        if refusesChecks, requests.contains(where: isScheduledCheck) {
            return requests.map { _ in .failure(RedisError(.outOfMemory, "The server has no memory left.")) }
        }
        return try await client.execute(requests)
    }

    private func isIndexWrite(_ request: RedisRequest) -> Bool {
        request.script == RedisScripts.index.script && !isScheduledCheck(request)
    }

    private func isWrite(_ request: RedisRequest, of index: String) -> Bool {
        isIndexWrite(request) && request.words.contains(RedisArgument(index))
    }

    private func isScheduledCheck(_ request: RedisRequest) -> Bool {
        let kind = RedisArgument(IndexChange.Kind.checkSoon.rawValue)
        return request.script == RedisScripts.index.script && request.words.contains(kind)
    }
}

/// Computes the slot of a key as the specification of Redis Cluster does.
enum HashSlotNumber {
    static func of(_ key: String) -> Int {
        var bytes = Array(key.utf8)
        if let start = bytes.firstIndex(of: UInt8(ascii: "{")),
            let end = bytes[(start + 1)...].firstIndex(of: UInt8(ascii: "}")), end > start + 1
        {
            bytes = Array(bytes[(start + 1)..<end])
        }
        var crc: UInt16 = 0
        for byte in bytes {
            crc ^= UInt16(byte) << 8
            for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
        }
        return Int(crc) % 16_384
    }
}
