// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Redis
import RedisTestSupport
import Testing

@Suite("Commands on a real server", .timeLimit(.minutes(2)))
struct CommandTests {
    @Test("Strings, counters and conditions work")
    func strings() async throws {
        try await withServer { _, client in
            let missing = try await client.get("missing")
            #expect(missing == nil)
            #expect(try await client.set("a", "1"))
            #expect(try await client.get("a")?.string == "1")
            #expect(try await client.set("a", "2", if: .ifAbsent) == false)
            #expect(try await client.set("b", "2", if: .ifPresent) == false)
            #expect(try await client.getAndSet("a", "3")?.string == "1")
            #expect(try await client.getAndSet("new", "3") == nil)
            #expect(try await client.incr("n") == 1)
            #expect(try await client.incr("n", by: 41) == 42)
            #expect(try await client.mget(["a", "missing", "n"]).map { $0?.string } == ["3", nil, "42"])
            let bytes = ByteBuffer(bytes: 0...255)
            try await client.set("bytes", bytes)
            #expect(try await client.get("bytes")?.buffer == bytes)
        }
    }

    @Test("Keys and their times to live can be read and changed")
    func keys() async throws {
        try await withServer { _, client in
            try await client.set("a", "1", expires: .after(.seconds(100)))
            guard case .expires(let left) = try await client.ttl("a") else {
                Issue.record("no time to live")
                return
            }
            #expect(left > .seconds(50) && left <= .seconds(100))
            try await client.set("a", "2", expires: .keep)
            #expect(try await client.ttl("a") != .unlimited)
            #expect(try await client.persist("a"))
            #expect(try await client.ttl("a") == .unlimited)
            #expect(try await client.ttl("missing") == .missing)
            #expect(try await client.expire("a", after: .seconds(9)))
            #expect(try await client.expire("missing", after: .seconds(9)) == false)
            #expect(try await client.exists("a", "missing", "a") == 2)
            #expect(try await client.memoryUsage("a") ?? 0 > 0)
            #expect(try await client.memoryUsage("missing") == nil)
            #expect(try await client.del("a", "missing") == 1)
            try await client.set("b", "1")
            #expect(try await client.unlink(["b"]) == 1)
            #expect(try await client.dbsize() == 0)
        }
    }

    @Test("Lists, hashes and sorted sets read alike in both protocol versions", arguments: [false, true])
    func collections(resp2: Bool) async throws {
        try await withServer({ $0.resp2Only = resp2 }) { _, client in
            let length = try await client.rpush("l", "a", "b", 3)
            #expect(length == 3)
            #expect(try await client.llen("l") == 3)
            #expect(try await client.lrange("l", from: 1).map(\.string) == ["b", "3"])
            #expect(try await client.lindex("l", -1)?.int == 3)
            #expect(try await client.lindex("l", 9) == nil)

            #expect(try await client.hset("h", ("f", "1"), ("g", 2)) == 2)
            #expect(try await client.hsetnx("h", "f", "9") == false)
            #expect(try await client.hget("h", "f")?.string == "1")
            #expect(try await client.hget("h", "x") == nil)
            #expect(try await client.hgetall("h").mapValues(\.int) == ["f": 1, "g": 2])
            #expect(try await client.hgetall("missing").isEmpty)
            #expect(try await client.hdel("h", "f", "x") == 1)
            #expect(try await client.hlen("h") == 1)

            #expect(try await client.zadd("z", (1, "one"), (2, "two"), (3.5, "more")) == 3)
            #expect(try await client.zcard("z") == 3)
            #expect(try await client.zscore("z", "more") == 3.5)
            #expect(try await client.zscore("z", "x") == nil)
            #expect(try await client.zrange("z").map(\.string) == ["one", "two", "more"])
            #expect(try await client.zrange("z", through: 0, reversed: true).map(\.string) == ["more"])
            let scored = try await client.zrangeWithScores("z", reversed: true)
            #expect(scored.map(\.score) == [3.5, 2, 1] && scored.first?.member.string == "more")
            #expect(try await client.zrangeByScore("z", from: .exclusive(1)).map(\.string) == ["two", "more"])
            let top = try await client.zrangeByScore("z", reversed: true, limit: (1, 1))
            #expect(top.map(\.string) == ["two"])
            #expect(try await client.send(.zrevrange("z")).array?.count == 3)
            #expect(try await client.zremrangeByScore("z", through: .exclusive(2)) == 1)
            #expect(try await client.zrem("z", "two", "x") == 1)
        }
    }

    @Test("Information about the server can be read")
    func server() async throws {
        try await withServer { _, client in
            let roundTrip = try await client.ping()
            #expect(roundTrip > .zero)
            #expect(try await client.info("server")["redis_version"] != nil)
            #expect(try await client.time() > .seconds(1_500_000_000))
            #expect(try await client.send("echo", "x").string == "x")
        }
    }

    @Test("Error replies are thrown with their code, and the connection stays usable")
    func errors() async throws {
        try await withServer { _, client in
            try await client.set("a", "text")
            let error = await redisError { try await client.llen("a") }
            #expect(error?.code == .serverError)
            #expect(error?.serverReply?.prefix == "WRONGTYPE")
            #expect(error?.mayHaveExecuted == false)
            #expect(try await client.get("a")?.string == "text")
            let unknown = await redisError { try await client.send("NOSUCHCOMMAND") }
            #expect(unknown?.serverReply?.prefix == "ERR")
        }
    }

    @Test("A pipeline has one result per command and continues after an error")
    func pipelines() async throws {
        try await withServer { _, client in
            let results = try await client.pipeline([
                .set("a", "1"), .rpush("a", ["x"]), .incr("a"), .get("missing"),
            ])
            #expect(results.count == 4)
            #expect(try results[0].get().string == "OK")
            #expect(throws: RedisError.self) { try results[1].get() }
            #expect(try results[2].get().int == 2)
            #expect(try results[3].get().isNull)
            #expect(try await client.pipeline([]).isEmpty)
        }
    }

    @Test("A transaction is executed completely or not at all")
    func transactions() async throws {
        try await withServer { _, client in
            let results = try await client.transaction([.incr("n"), .incr("n"), .rpush("n", ["x"])])
            #expect(try results[1].get().int == 2)
            #expect(throws: RedisError.self) { try results[2].get() }
            let error = await redisError {
                try await client.transaction([.incr("n"), RedisCommand("NOSUCHCOMMAND")])
            }
            #expect(error?.serverReply?.message.contains("unknown command") == true)
            #expect(try await client.get("n")?.int == 2)
        }
    }

    @Test("Large values and large pipelines can be sent and received")
    func large() async throws {
        try await withServer { _, client in
            let value = ByteBuffer(repeating: 0x78, count: 20 << 20)
            try await client.set("large", value)
            #expect(try await client.get("large")?.buffer == value)
            let results = try await client.pipeline((0..<10_000).map { .rpush("list", [$0]) })
            #expect(try results.last?.get().int == 10_000)
            #expect(try await client.lrange("list").map(\.int) == Array(0..<10_000))
        }
    }

    @Test("SCAN returns all matching keys, optionally of one type")
    func scan() async throws {
        try await withServer { _, client in
            _ = try await client.pipeline((0..<1000).map { .set("key:\($0)", "x") })
            try await client.rpush("key:list", "x")
            try await client.set("other", "x")
            var keys: Set<String> = []
            for try await key in client.scan(match: "key:*", count: 100) { keys.insert(key) }
            #expect(keys.count == 1001)
            var lists: [String] = []
            for try await page in client.scan(type: "list").pages { lists += page }
            #expect(lists == ["key:list"])
        }
    }

    @Test("Many concurrent callers receive their own replies over few connections")
    func concurrency() async throws {
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.pool.maxConnections = 3
            configuration.pool.commandsBeforeGrowing = 8
        }
        try await withServer({ _ in }, configure) { _, client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<50 {
                    group.addTask {
                        for round in 0..<100 {
                            let text = "\(caller)/\(round)"
                            let reply = try await client.send("ECHO", text)
                            #expect(reply.string == text)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let clients = try await client.send("CLIENT", "LIST").string ?? ""
            #expect((2...4).contains(clients.split(whereSeparator: \.isNewline).count))
        }
    }

    @Test(
        "Commands that would affect other users of the connection are refused with the right function",
        arguments: [
            ("SELECT", "RedisConfiguration"), ("subscribe", "subscribe(to:)"), ("BLPOP", "withConnection"),
            ("MULTI", "transaction"), ("WATCH", "withConnection"), ("MONITOR", "redis-cli"), ("AUTH", "RedisConfig"),
        ])
    func refused(command: String, remedy: String) async throws {
        let client = try RedisClient(url: "redis://localhost:1")
        for attempt in [
            await redisError { try await client.send(command, "x") },
            await redisError { try await client.pipeline([RedisCommand(command, "x")]) },
            await redisError { try await client.transaction([RedisCommand(command, "x")]) },
        ] {
            #expect(attempt?.code == .invalidCommand)
            #expect(attempt?.message.contains(remedy) == true)
        }
        await client.close()
    }
}

@Suite("Scripts on a real server", .timeLimit(.minutes(2)))
struct ScriptTests {
    private static let bump = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")

    @Test("A script runs the first time and later")
    func eval() async throws {
        try await withServer { _, client in
            let first = try await client.eval(Self.bump, keys: ["n"], arguments: [5])
            #expect(first.int == 5)
            #expect(try await client.eval(Self.bump, keys: ["n"], arguments: [5]).int == 10)
            #expect(try await client.scriptExists(Self.bump, RedisScript("return 1")) == [true, false])
            #expect(try await client.scriptLoad(RedisScript("return 1")) == RedisScript("return 1").sha1)
        }
    }

    @Test("Scripts that the server has lost are sent again: alone, in a pipeline, in a transaction")
    func flushed() async throws {
        try await withServer { _, client in
            let command = Self.bump.command(keys: ["n"], arguments: [1])
            _ = try await client.send(command)
            try await client.send("SCRIPT", "FLUSH")
            #expect(try await client.send(command).int == 2)
            try await client.send("SCRIPT", "FLUSH")
            let results = try await client.pipeline([.set("a", "1"), command, command])
            #expect(try results.map { try $0.get().string } == ["OK", "3", "4"])
            #expect(try await client.transaction([command]).first?.get().int == 5)
        }
    }

    @Test("A pipeline whose order would change is not resumed, and reports the script as not executed")
    func flushedInTheMiddle() async throws {
        try await withServer { _, client in
            let command = Self.bump.command(keys: ["n"], arguments: [1])
            _ = try await client.send(command)
            try await client.send("SCRIPT", "FLUSH")
            let results = try await client.pipeline([command, .get("n")])
            guard case .failure(let error) = results[0] else {
                Issue.record("executed out of order")
                return
            }
            #expect(error.serverReply?.prefix == "NOSCRIPT" && !error.mayHaveExecuted)
            #expect(try results[1].get().int == 1)
        }
    }

    @Test("A pipeline of scripts works on a new connection")
    func firstPipeline() async throws {
        try await withServer { _, client in
            let command = Self.bump.command(keys: ["n"], arguments: [1])
            let results = try await client.pipeline([command, command, command])
            #expect(try results.map { try $0.get().int } == [1, 2, 3])
        }
    }
}

@Suite("Leased connections", .timeLimit(.minutes(2)))
struct LeasedConnectionTests {
    @Test("WATCH aborts a transaction only when the key changes")
    func watch() async throws {
        try await withServer { _, client in
            try await client.set("n", "1")
            let error = await redisError {
                try await client.withConnection { connection in
                    _ = try await connection.send("WATCH", "n")
                    try await client.incr("n")
                    return try await connection.transaction([.set("n", "0")])
                }
            }
            #expect(error?.code == .transactionAborted)
            try await client.withConnection { connection in
                _ = try await connection.send("WATCH", "n")
                _ = try await connection.transaction([.set("n", "7")])
            }
            #expect(try await client.get("n")?.int == 7)
        }
    }

    @Test("Blocking commands on a leased connection do not delay other commands")
    func blocking() async throws {
        try await withServer { _, client in
            async let popped = client.withConnection { connection in
                try await connection.send(RedisCommand("BLPOP", "queue", 0).timeout(.seconds(30)))
            }
            try await poll { try await client.info("clients")["blocked_clients"] == "1" }
            try await client.rpush("queue", "job")
            #expect(try await popped.array?.last?.string == "job")
        }
    }

    @Test("A leased connection is returned without watched keys or an open transaction")
    func reset() async throws {
        try await withServer({ _ in }, { $0.pool.maxLeasedConnections = 1 }) { _, client in
            try await client.withConnection { _ = try await $0.send("WATCH", "n") }
            try await client.withConnection { _ = try await $0.send("MULTI") }
            try await client.set("n", "1")
            try await client.withConnection { connection in
                let number = try await connection.incr("n")
                #expect(number == 2)
                #expect(try await connection.transaction([.incr("n")]).count == 1)
            }
        }
    }

    @Test("The number of leases is limited, and waiting for one has a time limit")
    func bounded() async throws {
        try await withServer({ _ in }, { $0.pool.maxLeasedConnections = 1 }) { _, client in
            try await client.withConnection { _ in
                let error = await redisError { try await client.withConnection(timeout: .milliseconds(50)) { _ in } }
                #expect(error?.code == .poolExhausted)
            }
            try await client.withConnection { _ in }
        }
    }

    @Test("A leased connection cannot be used after the closure has returned")
    func escaped() async throws {
        try await withServer { _, client in
            let connection = try await client.withConnection { $0 }
            let error = await redisError { try await connection.get("a") }
            #expect(error?.code == .closed)
        }
    }
}
