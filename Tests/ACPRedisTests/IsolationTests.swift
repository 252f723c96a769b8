// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Isolation of storages by prefix")
struct IsolationTests {
    static let prefixes = ["acp:", "acp:test:", "ac?:", "a*:", "[abc]cp:", "a\\:", "acp:^", "präfix 🦊:", "acp"]

    @Test("Each storage sees and removes only its own keys, whatever characters the prefixes contain")
    func prefixes() async throws {
        let server = try await RedisTestServer.start()
        let storages = try Self.prefixes.map { try RedisStorage(url: server.url, prefix: $0) }
        var writers: [Writer] = []
        for storage in storages {
            var writer = try await Writer.create(storage)
            try await writer.write([part(1)])
            try await storage.append([block("one")], to: "shared")
            writers.append(writer)
        }
        for (index, storage) in storages.enumerated() {
            #expect(try await storage.runs(RunQuery()).total == 1)
            try await storage.removeAll()
            #expect(try await storage.runs(RunQuery()).total == 0, "\(storage.prefix)")
            #expect(try await storage.statistics().keys == 0)
            for other in writers[(index + 1)...] {
                #expect(try await other.isStored(), "\(other.storage.prefix) after \(storage.prefix) was emptied")
                #expect(try await other.storage.history(of: "shared", from: 0, limit: nil).total == 1)
            }
        }
        let left = try await withClient(server.url) { client in try await client.send("DBSIZE").int }
        #expect(left == 0)
        for storage in storages { await storage.close() }
    }

    @Test("Removing everything keeps the keys of other applications, many or few")
    func removeAllLeavesOthers() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        try await withClient(server.url) { client in
            let others = (0..<3_000).map { "other:\($0)" } + ["acp:elsewhere", "acp:runs:1", "acp:run", "ACP:run:1"]
            for name in others { try await client.set(name, "theirs") }
            for _ in 0..<300 { _ = try await Writer.create(storage) }
            let statistics = try await storage.statistics()
            #expect(statistics.kinds.first { $0.name == "run" }?.keys == 300)
            #expect(statistics.kinds.first { $0.name == "runs" }?.keys == 1)
            #expect(statistics.approximateBytes > 300 * 100)
            #expect((statistics.serverMemoryUsed ?? 0) > statistics.approximateBytes)
            #expect(statistics.serverMemoryLimit == nil)
            try await storage.removeAll()
            #expect(try await client.send("DBSIZE").int == others.count)
        }
        await storage.close()
    }

    @Test("A key that is of no known kind does not belong to the storage")
    func kinds() throws {
        let keys = RedisKeys(prefix: "acp:", hashTags: false)
        #expect(keys.kind(of: "acp:run:1") == .run)
        #expect(keys.kind(of: "acp:runs") == .runs)
        #expect(keys.kind(of: "acp:run:") == .run)
        for other in ["acp:", "acp:run", "acp:runs:1", "acp:other:run:1", "acp", "xacp:run:1", "acp:runsx"] {
            #expect(keys.kind(of: other) == nil, "\(other)")
        }
        let tagged = RedisKeys(prefix: "acp:", hashTags: true)
        #expect(tagged.kind(of: "acp:runs:{00pc5}") == .runs)
        #expect(tagged.kind(of: "acp:runs_expiry:{63c0w}") == .runsExpiry)
        #expect(tagged.kind(of: "acp:agent_runs:{00pc5}:tester") == .agentRuns)
        for other in ["acp:runs:1", "acp:runs:{00pc5}:1", "acp:processes:{00pc5}", "acp:runs:{none}"] {
            #expect(tagged.kind(of: other) == nil, "\(other)")
        }
        #expect(tagged.allOfRun("r").values.allSatisfy { $0.hasSuffix(":{r}") })
        #expect(tagged.allOfSession("s").values.allSatisfy { $0.hasSuffix(":{s}") })
    }
}
