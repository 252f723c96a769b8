// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Indexes of a principal's runs")
struct PrincipalIndexTests {
    private let ada: PrincipalID = "Ada {%}: Lovelace"

    private func withServer(_ body: (RedisStorage, RedisClient) async throws -> Void) async throws {
        let server = try await RedisTestServer.start()
        let client = try RedisClient(url: server.url)
        let storage = try RedisStorage(client: client)
        try await body(storage, client)
        await storage.close()
        await client.close()
    }

    private func keys(_ client: RedisClient) async throws -> Set<String> {
        var keys: Set<String> = []
        for try await key in client.scan() where key.hasPrefix("acp:principal_") { keys.insert(key) }
        return keys
    }

    @Test("Only a run with a principal is in indexes of principals, and it leaves all of them when it is deleted")
    func entries() async throws {
        try await withServer { storage, client in
            var other = try await Writer.create(storage)
            try await other.become(.completed)
            #expect(try await keys(client).isEmpty)
            let session: SessionID = "talk"
            var writer = try await Writer.create(storage, session: session, principal: ada)
            let name = "Ada %7B%25%7D: Lovelace"
            let listings: Set = [
                "acp:principal_runs:\(name)", "acp:principal_agent_runs:\(name):tester",
                "acp:principal_session_runs:\(name):talk", "acp:principal_runs_expiry:\(name)",
            ]
            let statuses: Set = [
                "acp:principal_unfinished_runs:\(name):created", "acp:principal_status_runs:\(name):tester:created",
            ]
            #expect(try await keys(client) == listings.union(statuses))
            try await writer.become(.completed)
            #expect(
                try await keys(client) == listings.union(["acp:principal_status_runs:\(name):tester:completed"]))
            try await storage.deleteRun(writer.run.id)
            #expect(try await keys(client).isEmpty)
        }
    }

    @Test("Names of principals are escaped so that each has keys of its own, and those of one list share a slot")
    func names() {
        let keys = RedisKeys(prefix: "acp:", hashTags: true)
        // The last two are the same character, and equal as strings.
        let names: [PrincipalID] = [
            "Ada", "Ada}", "{Ada}", "%7BAda%7D", "}", "{", "a b:c", "\u{301}", "🦊", "\u{E9}", "e\u{301}",
        ]
        for keys in [RedisKeys(prefix: "acp:", hashTags: false), keys.buckets[7]] {
            #expect(Set(names.map(keys.principalRuns)).count == names.count)
            for name in names {
                let queue = keys.principalRunsExpiry(name)
                let due = keys.due([(queue, ["run agent"])])
                #expect(due.expiring == [.init(queue: queue, member: "run agent", principal: name)])
                let lists = keys.allStatusRuns(name, agent) + [queue]
                #expect(!keys.hashTags || Set(lists.map { HashSlotNumber.of($0) }).count == 1)
            }
            let due = keys.due([
                (keys.runsExpiry, ["one two"]), (keys.processRuns(ProcessID(rawValue: "\u{301}p")), ["r"]),
            ])
            #expect(due.expiring == [.init(queue: keys.runsExpiry, member: "one two")])
            #expect(due.owned.map(\.process.rawValue) == ["\u{301}p"] && due.owned.first?.runs == ["r"])
        }
    }

    @Test("A process of an earlier version that continues a run leaves entries, which are removed when they are found")
    func earlierVersion() async throws {
        try await withServer { storage, client in
            var writer = try await Writer.create(storage, principal: ada)
            let kept = try await Writer.create(storage, principal: ada)
            let key = storage.keys.run(writer.run.id)
            // It ends the run, does not know the principal, and changes the indexes that it knows.
            writer.run.status = .completed
            writer.run.principal = nil
            let value = RunValue.value(try RunSnapshot(writer.run, eventCount: 1))
            try await client.send("SET", key, value, "KEEPTTL")
            for query in [.all, .agent(agent), .unfinished(.created)] as [RunQuery.Filter] {
                let page = try await storage.runs(RunQuery(query, principal: ada))
                #expect(page.items.map(\.id) == [kept.run.id])
                #expect(page.total == 1)
            }
            let page = try await storage.runs(RunStatusQuery(agent: agent, principal: ada))
            #expect(page.items.map(\.id) == [kept.run.id])
            #expect(page.total == 1)
        }
    }
}
