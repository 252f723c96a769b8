// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Runs with missing keys", .serialized)
struct IncompleteRunTests {
    enum Setup: CaseIterable {
        case server, sentinel, cluster
    }

    private static let server = SharedServer()
    private static let sentinels = SharedTopology { try await RedisTestSentinels.start() }
    private static let cluster = SharedTopology { try await RedisTestCluster.start { $0.replicasPerMaster = 0 } }

    private func withStorage(
        _ setup: Setup, _ body: (_ storage: RedisStorage, _ client: RedisClient) async throws -> Void
    ) async throws {
        let url =
            switch setup {
            case .server: try await Self.server.url
            case .sentinel: try await Self.sentinels.setup.url
            case .cluster: try await Self.cluster.setup.url
            }
        try await withClient(url) { client in
            let storage = try RedisStorage(client: client, prefix: "test-\(UInt32.random(in: 0 ... .max)):")
            try await body(storage, client)
            await storage.close()
        }
    }

    /// A run of five events whose snapshot covers all of them.
    private func makeRun(_ storage: RedisStorage) async throws -> Writer {
        var writer = try await Writer.create(storage)
        try await storage.coordination.heartbeat(of: writer.owner.process, timeToLive: .seconds(60))
        try await writer.write([part(1), part(2)])
        try await writer.write([part(3), part(4)], snapshot: true)
        return writer
    }

    /// Expects an error that names a key.
    private func expectIncomplete(_ key: String, _ body: () async throws -> Void) async {
        let error = await storageError(body)
        #expect(error?.code == .incomplete, "\(String(describing: error))")
        #expect(error?.message.contains(key) == true, "\(String(describing: error))")
    }

    /// Expects that nothing of a run is left in any key.
    private func expectNothing(
        of writer: Writer, _ storage: RedisStorage, _ client: RedisClient,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let id = writer.run.id
        let keys = storage.keys
        for key in keys.allOfRun(id).values {
            #expect(try await client.send("EXISTS", key).int == 0, "\(key)", sourceLocation: sourceLocation)
        }
        let lists =
            [keys.runs, keys.agentRuns(writer.run.agentName), keys.processRuns(writer.owner.process)]
            + (writer.run.sessionID.map { [keys.sessionRuns($0)] } ?? []) + keys.allUnfinished
        for list in lists {
            let score = try await client.send("ZSCORE", list, id.rawValue)
            #expect(score.isNull, "\(list)", sourceLocation: sourceLocation)
        }
        let queue = try await client.send("ZRANGE", keys.runsExpiry, 0, -1).array ?? []
        // On a cluster, a check is scheduled beforehand, which removes the member later.
        if !storage.executor.isCluster {
            #expect(!queue.contains { $0.string?.hasPrefix(id.rawValue) == true }, sourceLocation: sourceLocation)
        }
        #expect(try await storage.deleteRun(id) == false, sourceLocation: sourceLocation)
    }

    @Test(
        "A run whose owner key is missing can be claimed without a current owner, saved as failed and deleted",
        arguments: Setup.allCases)
    func withoutOwner(_ setup: Setup) async throws {
        try await withStorage(setup) { storage, client in
            let writer = try await makeRun(storage)
            let id = writer.run.id
            try await client.unlink([storage.keys.owner(id)])
            var late = writer
            await expectIncomplete(storage.keys.owner(id)) { try await late.write([part(5)]) }
            let found = try #require(try await storage.record(of: id))
            #expect(found.owner == nil)
            #expect(try found.run() == writer.run)
            #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 9) == [id])
            #expect(try await storage.runs(RunQuery(.unfinished(.created))).items == [writer.run])
            // Reading the runs of the process does not remove it.
            try await storage.indexMaintenance.prune(.init(owned: [(writer.owner.process, [id])]))
            #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 9) == [id])

            let heir = RunOwner(process: ProcessID())
            #expect(try await storage.claim(id, for: heir, from: nil))
            #expect(try await storage.claim(id, for: RunOwner(process: ProcessID()), from: nil) == false)
            #expect(try await storage.runs(ownedBy: heir.process, limit: 9) == [id])
            #expect(try await storage.runs(ownedBy: writer.owner.process, limit: 9).isEmpty)
            for key in storage.keys.allOfRun(id).values where try await client.send("EXISTS", key).int == 1 {
                #expect(try await client.send("PTTL", key).int ?? 0 > 80_000_000)
            }
            var failed = writer.run
            failed.status = .failed
            try await storage.save(failed)
            #expect(try await storage.run(id)?.status == .failed)
            #expect(try await storage.events(of: id, from: 0, limit: nil) == writer.events)
            #expect(try await storage.runs(ownedBy: heir.process, limit: 9).isEmpty)
            #expect(try await storage.deleteRun(id))
            try await expectNothing(of: writer, storage, client)

            // Without a claim in between.
            let other = try await makeRun(storage)
            try await client.unlink([storage.keys.owner(other.run.id)])
            #expect(try await storage.deleteRun(other.run.id))
            try await expectNothing(of: other, storage, client)
            let third = try await makeRun(storage)
            try await client.unlink([storage.keys.owner(third.run.id)])
            failed = third.run
            failed.status = .failed
            try await storage.save(failed)
            #expect(try await storage.runs(ownedBy: third.owner.process, limit: 9).isEmpty)
        }
    }

    @Test("A run that was saved by hand has no owner, and commits to it are fenced", arguments: Setup.allCases)
    func savedByHand(_ setup: Setup) async throws {
        try await withStorage(setup) { storage, _ in
            var writer = Writer(storage)
            try await storage.save(writer.run)
            #expect(await storageError { try await writer.write([part(1)]) }?.code == .fenced)
        }
    }

    @Test("A run whose events, or the last of them, are missing is reported as incomplete", arguments: Setup.allCases)
    func withoutEvents(_ setup: Setup) async throws {
        try await withStorage(setup) { storage, client in
            for left in [0, 3] {
                let writer = try await makeRun(storage)
                let id = writer.run.id
                let key = storage.keys.events(id)
                if left == 0 {
                    try await client.unlink([key])
                } else {
                    try await client.send("LTRIM", key, 0, left - 1)
                }
                var late = writer
                await expectIncomplete(key) { try await late.write([part(5)]) }
                await expectIncomplete(key) { try await storage.append(part(5), to: id) }
                late = writer
                late.run.status = .completed
                var commit = try late.next([.runCompleted(late.run)], snapshot: true)
                commit.history = HistoryAppend(block("end"), to: "session")
                await expectIncomplete(key) { try await storage.commit(commit) }
                #expect(try await storage.history(of: "session").isEmpty)
                #expect(try await storage.record(of: id)?.owner == writer.owner)
                #expect(try await storage.events(of: id, from: 0, limit: nil) == Array(writer.events.prefix(left)))
                // The owner ends it.
                let heir = RunOwner(process: ProcessID())
                #expect(try await storage.claim(id, for: heir, from: writer.owner))
                var failed = writer.run
                failed.status = .failed
                try await storage.save(failed)
                #expect(try await storage.run(id) == failed)
                #expect(try await storage.events(of: id, from: 0, limit: nil) == Array(writer.events.prefix(left)))
                #expect(try await storage.deleteRun(id))
                try await expectNothing(of: writer, storage, client)
            }
        }
    }

    @Test(
        "A run whose document is missing is reported as incomplete as long as any other key exists",
        arguments: Setup.allCases)
    func withoutDocument(_ setup: Setup) async throws {
        try await withStorage(setup) { storage, client in
            let keys = storage.keys
            // With its first event, which contains its index entry, and without.
            for gone in [["run"], ["run", "events"], ["run", "owner"], ["run", "events", "owner"]] {
                let writer = try await makeRun(storage)
                let id = writer.run.id
                let parts = ["run": keys.run(id), "events": keys.events(id), "owner": keys.owner(id)]
                try await client.unlink(gone.compactMap { parts[$0] })
                var late = writer
                await expectIncomplete(keys.run(id)) { try await late.write([part(5)]) }
                await expectIncomplete(keys.run(id)) { try await storage.append(part(5), to: id) }
                #expect(try await storage.record(of: id) == nil)
                #expect(try await storage.claim(id, for: RunOwner(process: ProcessID()), from: nil) == false)
                #expect(try await storage.deleteRun(id), "\(gone)")
                try await expectNothing(of: writer, storage, client)
                late = writer
                #expect(await storageError { try await late.write([part(5)]) }?.code == .notFound)
            }
            // All keys: only the lists contain it.
            let writer = try await makeRun(storage)
            try await client.unlink(keys.allOfRun(writer.run.id).values)
            #expect(try await storage.runs(RunQuery(.agent(agent))).items.isEmpty)
            #expect(try await storage.deleteRun(writer.run.id) == false)
        }
    }

    @Test("A run without its input or a content can be read, and is deleted completely", arguments: Setup.allCases)
    func withoutInputOrContent(_ setup: Setup) async throws {
        try await withStorage(setup) { storage, client in
            var writer = try await Writer.create(storage)
            let id = writer.run.id
            let content = RefusalTests.content
            var commit = try writer.next([part(1)])
            commit.contents = [content]
            try await storage.commit(commit)
            try await client.unlink([storage.keys.input(id)])
            try await client.unlink([storage.keys.contents(id)])
            #expect(try await storage.input(of: id) == nil)
            #expect(try await storage.contents([ContentKey(.run(id), content.digest)]) == [nil])
            try await writer.write([part(2)])
            #expect(try await writer.isStored())
            #expect(try await storage.deleteRun(id))
            try await expectNothing(of: writer, storage, client)
        }
    }
}
