// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

/// A right that a user does not have.
struct MissingRight: Sendable, CustomTestStringConvertible {
    /// The rules of a user who has all others.
    let rules: [String]
    /// The rule that would grant it.
    let remedy: String

    var testDescription: String { remedy }

    static func command(_ name: String) -> MissingRight {
        MissingRight(rules: ["~acp:*", "&acp:*", "+@all", "-\(name)"], remedy: "+\(name)")
    }

    static let all: [MissingRight] =
        [
            MissingRight(rules: ["resetchannels", "~acp:*", "+@all"], remedy: "&acp:*"),
            MissingRight(rules: ["~acp:process*", "&acp:*", "+@all"], remedy: "~acp:*"),
            MissingRight(rules: ["%R~acp:*", "&acp:*", "+@all"], remedy: "~acp:*"),
            MissingRight(rules: ["~acp:*", "&acp:*", "+@all", "-evalsha", "-eval"], remedy: "+eval"),
        ]
        + [
            "publish", "set", "get", "exists", "llen", "rpush", "hset", "sadd", "del", "pexpire", "pttl", "zadd",
            "zrem",
            "zrangebyscore", "time",
        ].map(command)
}

@Suite("Writes that Redis refuses", .serialized)
struct RefusalTests {
    /// The stored data before an operation.
    struct Given: Sendable {
        let writer: Writer
        let session: SessionID
    }

    typealias Operation = (
        name: String, perform: @Sendable (_ storage: RedisStorage, _ given: Given) async throws -> Void
    )

    static let content = StoredContent(digest: ContentDigest(hash: [UInt8](repeating: 7, count: 32)), bytes: [1])

    static let operations: [Operation] = [
        ("create", { storage, _ in _ = try await Writer.create(storage) }),
        (
            "commit",
            { storage, given in
                var writer = given.writer
                try await storage.commit(try writer.next([part(1)]))
            }
        ),
        (
            "commit with everything",
            { storage, given in
                var writer = given.writer
                writer.run.status = .completed
                var commit = try writer.next([part(1), .runCompleted(writer.run)], snapshot: true)
                commit.contents = [content]
                commit.history = HistoryAppend(
                    try HistoryBlock(key: "end", entries: [.link("https://example.com")], contents: [content]),
                    to: given.session)
                try await storage.commit(commit)
            }
        ),
        (
            "save",
            { storage, given in
                var run = given.writer.run
                run.status = .failed
                try await storage.save(run)
            }
        ),
        ("append", { storage, given in try await storage.append(part(1), to: given.writer.run.id) }),
        ("delete", { storage, given in try await storage.deleteRun(given.writer.run.id) }),
        (
            "claim",
            { storage, given in
                let heir = RunOwner(process: ProcessID())
                _ = try await storage.claim(given.writer.run.id, for: heir, from: given.writer.owner)
            }
        ),
        ("append history", { storage, given in try await storage.append([block("new")], to: given.session) }),
        (
            "save session",
            { storage, given in try await storage.save(SessionRecord(id: given.session), expecting: nil) }
        ),
        ("send", { storage, given in try await storage.coordination.send(.cancel, to: given.writer.run.id) }),
        (
            "enqueue",
            { storage, given in _ = try await storage.coordination.enqueue(given.writer.run.id, in: given.session) }
        ),
        (
            "dequeue",
            { storage, given in try await storage.coordination.dequeue(RunID(), from: given.session) }
        ),
        (
            "heartbeat",
            { storage, given in
                try await storage.coordination.heartbeat(of: given.writer.owner.process, timeToLive: .seconds(9))
            }
        ),
        ("leave", { storage, given in try await storage.coordination.leave(given.writer.owner.process) }),
    ]

    /// The operations that fail whatever right is missing.
    static let demanding: Set = ["create", "commit with everything", "heartbeat"]

    private static func prepare(_ storage: RedisStorage) async throws -> Given {
        try await storage.removeAll()
        let writer = try await Writer.create(storage)
        let session = SessionID()
        try await storage.append([block("one")], to: session)
        try await storage.save(SessionRecord(id: session), expecting: nil)
        _ = try await storage.coordination.enqueue(RunID(), in: session)
        try await storage.coordination.heartbeat(of: writer.owner.process, timeToLive: .seconds(60))
        try await storage.coordination.heartbeat(of: ProcessID(), timeToLive: .seconds(60))
        return Given(writer: writer, session: session)
    }

    @Test(
        "An error for a missing right names it and how to grant it, and nothing is written", arguments: MissingRight.all
    )
    func missingRight(_ right: MissingRight) async throws {
        let server = try await RedisTestServer.start()
        try await server.send(words: ["ACL", "SETUSER", "limited", "on", ">secret"] + right.rules)
        let admin = try RedisStorage(url: server.url)
        let limited = try RedisStorage(url: "redis://limited:secret@127.0.0.1:\(server.port)")
        for (name, perform) in Self.operations {
            let given = try await Self.prepare(admin)
            let before = try await contents(of: [server])
            let error = await storageError { try await perform(limited, given) }
            #expect(error != nil || !Self.demanding.contains(name), "\(name)")
            guard let error else { continue }
            #expect(error.code == .refused, "\(name): \(error)")
            #expect(error.message.contains("ACL SETUSER <user>"), "\(name): \(error)")
            // Reads do not check rights first.
            let remedy = error.message.hasPrefix("reading") && right.remedy == "+get" ? "+@read" : right.remedy
            #expect(error.message.contains(remedy), "\(name): \(error)")
            #expect(!error.publicMessage.contains("acp:"))
            let after = try await contents(of: [server])
            #expect(Set(after.keys) == Set(before.keys), "\(name)")
            #expect(before.filter { after[$0.key] != $0.value }.isEmpty, "\(name)")
        }
        await limited.close()
        await admin.close()
    }

    @Test(
        "A server that accepts no writes is reported with the reason, also by heartbeats, and nothing is written",
        arguments: ["replica", "replicas", "memory"])
    func noWrites(_ reason: String) async throws {
        let server = try await RedisTestServer.start()
        let admin = try RedisStorage(url: server.url)
        var configuration = RedisConfiguration(host: "127.0.0.1", port: server.port)
        configuration.commandTimeout = .milliseconds(500)
        let storage = try RedisStorage(.init(redis: configuration))
        for (name, perform) in Self.operations {
            let given = try await Self.prepare(admin)
            let before = try await contents(of: [server])
            switch reason {
            case "replica": try await server.send("REPLICAOF", "127.0.0.1", "1")
            case "replicas": try await server.send("CONFIG", "SET", "min-replicas-to-write", "1")
            default: try await server.send("CONFIG", "SET", "maxmemory", "1")
            }
            let error = await storageError { try await perform(storage, given) }
            #expect(error != nil || !Self.demanding.contains(name), "\(name)")
            if let error {
                #expect(error.code == (reason == "memory" ? .full : .refused), "\(name): \(error)")
                #expect(error.message.contains("Nothing was changed"), "\(name): \(error)")
                #expect(try await contents(of: [server]) == before, "\(name)")
            }
            try await server.send("REPLICAOF", "NO", "ONE")
            try await server.send("CONFIG", "SET", "min-replicas-to-write", "0")
            try await server.send("CONFIG", "SET", "maxmemory", "0")
        }
        await storage.close()
        await admin.close()
    }

    @Test(
        "On a cluster, an operation without a required right writes nothing of a run",
        arguments: [MissingRight.all[0], .command("spublish"), .command("zadd"), .command("pexpire")])
    func onACluster(_ right: MissingRight) async throws {
        let cluster = try await Self.cluster.setup
        for server in cluster.servers {
            try await server.send(words: ["ACL", "SETUSER", "limited", "reset", "on", ">secret"] + right.rules)
        }
        let admin = try RedisStorage(url: cluster.url)
        let limited = try RedisStorage(
            url: cluster.url.replacing("redis+cluster://", with: "redis+cluster://limited:secret@"))
        // Indexes are written separately from the run on a cluster, and are repaired later.
        func isWatched(_ key: String) -> Bool {
            !key.hasPrefix("acp:runs_expiry:") && (right.remedy != "+zadd" || !key.hasPrefix("acp:agent_runs"))
        }
        for (name, perform) in Self.operations where right.remedy != "+zadd" || Self.demanding.contains(name) {
            let given = try await Self.prepare(admin)
            let before = try await contents(of: cluster.servers).filter { isWatched($0.key) }
            let error = await storageError { try await perform(limited, given) }
            #expect(error != nil || !Self.demanding.contains(name) || right.remedy == "+zadd", "\(name)")
            guard let error else { continue }
            #expect(error.code == .refused, "\(name): \(error)")
            #expect(error.message.contains(right.remedy), "\(name): \(error)")
            let after = try await contents(of: cluster.servers).filter { isWatched($0.key) }
            #expect(after == before, "\(name)")
        }
        await limited.close()
        await admin.close()
    }

    private static let cluster = SharedTopology { try await RedisTestCluster.start { $0.replicasPerMaster = 0 } }

    @Test("A server that evicts keys causes one warning, and a user who may not read its settings causes none")
    func eviction() async throws {
        let server = try await RedisTestServer.start()
        try await server.send("CONFIG", "SET", "maxmemory", "100mb")
        try await server.send("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        try await server.send(words: [
            "ACL", "SETUSER", "blind", "on", ">secret", "~*", "&*", "+@all", "-info", "-config",
        ])
        try await server.send(words: ["ACL", "SETUSER", "half", "on", ">secret", "~*", "&*", "+@all", "-info"])
        func warnings(_ user: String?) async throws -> [String] {
            let (logger, lines) = KeepingLog.make()
            let configuration = RedisConfiguration(
                host: "127.0.0.1", port: server.port, username: user, password: user.map { _ in "secret" })
            let storage = try RedisStorage(.init(redis: configuration), logger: logger)
            for _ in 0..<2 {
                _ = try await storage.ping()
                try await storage.coordination.heartbeat(of: ProcessID(), timeToLive: .seconds(9))
            }
            await storage.close()
            return lines.all
        }
        for user in [nil, "half"] {
            let found = try await warnings(user)
            #expect(found.count == 1)
            #expect(found.first?.contains("maxmemory-policy") == true)
            #expect(found.first?.contains("volatile-lru") == true)
        }
        #expect(try await warnings("blind").isEmpty)
        try await server.send("CONFIG", "SET", "maxmemory-policy", "noeviction")
        #expect(try await warnings(nil).isEmpty)
        try await server.send("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        try await server.send("CONFIG", "SET", "maxmemory", "0")
        #expect(try await warnings(nil).isEmpty)
    }
}
