// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRedis
import ACPStorage
import Redis
import RedisTestSupport
import Synchronization
import Testing

@Suite("Failovers of Sentinel during runs", .serialized, .timeLimit(.minutes(5)))
struct SentinelFailoverTests {
    @Test("When the master is killed, writes resume, no run is stuck, and the old master is never written to")
    func failover() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        let resumed = Moment()
        let load = try await underLoad(setup.url) { load in
            #expect(try await load.waitForMore(20))
            let old = try #require(try await setup.master())
            try await old.kill()
            // A client that writes all the time, to measure when that succeeds again.
            let killed = ContinuousClock.now
            async let writing: Void = {
                while resumed.value == nil {
                    let run = Run(agentName: "prober")
                    if (try? await load.storage.save(run)) != nil { resumed.come() }
                }
            }()
            try await setup.waitForFailover(from: old)
            let promoted = ContinuousClock.now
            await writing
            if let resumed = resumed.value {
                print(
                    "MEASURED Sentinel: promoted \(promoted - killed) after the kill, first write \(resumed - promoted) later"
                )
            }
            #expect(try await load.waitForMore(20))
            // The old master returns.
            try await old.restart()
            try await setup.waitUntilReplica(old)
            #expect(try await load.waitForMore(20))
            let statistics = try await old.send("INFO", "commandstats").string ?? ""
            #expect(!statistics.contains("cmdstat_eval"), "\(statistics)")
            let errors = try await old.send("INFO", "errorstats").string ?? ""
            #expect(!errors.contains("READONLY"), "\(errors)")
        }
        load.report("Sentinel, master killed")
        // Writes that the replica had not received when it was promoted are lost to Redis; no run reports so more than
        // once.
        #expect(load.failures.count <= 6, "\(load.failures)")
    }

    @Test("When the master is paused and its connections stay half open, runs continue on the new master")
    func paused() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        let load = try await underLoad(setup.url) { load in
            let old = try #require(try await setup.master())
            old.pause()
            try await setup.waitForFailover(from: old)
            #expect(try await load.waitForMore(20))
            // The old master continues, believes for a moment that it is the master, and becomes a replica: connections
            // to it must not be kept.
            old.resume()
            try await setup.waitUntilReplica(old)
            #expect(try await load.waitForMore(20))
        }
        load.report("Sentinel, master paused")
        #expect(load.failures.count <= 6, "\(load.failures)")
    }

    @Test("After a manual failover, no connection stays with a read-only server, and no run fails")
    func ordered() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        let load = try await underLoad(setup.url) { load in
            let old = try #require(try await setup.master())
            #expect(try await load.waitForMore(10))
            try await setup.sentinels[0].send("SENTINEL", "FAILOVER", setup.options.masterName)
            try await setup.waitForFailover(from: old)
            #expect(try await load.waitForMore(30))
        }
        load.report("Sentinel, failover by order")
        #expect(load.failures.count <= 6, "\(load.failures)")
    }
}

/// The time of an event.
private final class Moment: Sendable {
    private let time = Mutex<ContinuousClock.Instant?>(nil)
    var value: ContinuousClock.Instant? { time.withLock { $0 } }
    func come() { time.withLock { $0 = .now } }
}
