// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Redis

@Suite("Hash slots")
struct HashSlotTests {
    @Test("The checksum is the one that Redis specifies")
    func checksum() {
        #expect(CRC16.checksum("123456789".utf8) == 0x31C3)
        #expect(CRC16.checksum("".utf8) == 0)
    }

    @Test(
        "Slots are those of redis-cli cluster keyslot",
        arguments: [
            ("foo", 12182), ("bar", 5061), ("hello", 866), ("", 0), ("{user1000}.following", 3443),
            ("{user1000}.followers", 3443), ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061),
        ])
    func slots(key: String, slot: Int) {
        #expect(HashSlot(ofKey: key).number == slot)
    }

    @Test("An empty or unclosed hash tag is ignored")
    func tags() {
        #expect(HashSlot(ofKey: "a{b") != HashSlot(ofKey: "b"))
        #expect(HashSlot(ofKey: "{}a") != HashSlot(ofKey: ""))
        #expect(HashSlot(ofKey: "x{tag}y") == HashSlot(ofKey: "tag"))
    }

    static let commands: [(RedisCommand, [Int])] = [
        (RedisCommand("GET", "k"), [0]), (RedisCommand("SET", "k", "v"), [0]), (RedisCommand("PING"), []),
        (RedisCommand("MGET", "a", "b", "c"), [0, 1, 2]), (RedisCommand("MSET", "a", 1, "b", 2), [0, 2]),
        (RedisCommand("EVALSHA", "sha", 2, "a", "b", "x"), [2, 3]), (RedisCommand("EVAL", "src", 0, "x"), []),
        (RedisCommand("EVALSHA", "sha", 99, "a"), [2]), (RedisCommand("EVALSHA", "sha"), []),
        (RedisCommand("ZUNIONSTORE", "d", 2, "a", "b"), [0, 2, 3]), (RedisCommand("BLPOP", "a", "b", 1), [0, 1]),
        (RedisCommand("XREAD", "COUNT", 1, "streams", "a", "b", "0", "0"), [3, 4]),
        (RedisCommand("MEMORY", "USAGE", "k"), [1]), (RedisCommand("MEMORY", "DOCTOR"), []),
        (RedisCommand("OBJECT", "ENCODING", "k"), [1]), (RedisCommand("BITOP", "AND", "d", "a"), [1, 2]),
        (RedisCommand("SCAN", "0"), []), (RedisCommand("SPUBLISH", "c", "m"), [0]), (RedisCommand("GET"), []),
        (RedisCommand("RENAME", "a", "b"), [0, 1]), (RedisCommand("SOMETHING", "k", "x"), [0]),
    ]

    @Test("The keys of a command are found at every position", arguments: commands)
    func keys(command: RedisCommand, indices: [Int]) {
        #expect(CommandKeys.indices(of: command) == indices)
    }

    @Test("A command over several slots is split, and its replies are joined")
    func splitting() throws {
        let mget = try #require(try SplitCommand(.mget(["foo", "bar", "{foo}x"])))
        #expect(mget.parts == [.mget(["foo", "{foo}x"]), .mget(["bar"])])
        let joined = try mget.join([
            .success(.array([.integer(1), .integer(3)])), .success(.array([.integer(2)])),
        ])
        #expect(joined == .array([.integer(1), .integer(2), .integer(3)]))
        let del = try #require(try SplitCommand(.del(["foo", "bar"])))
        #expect(try del.join([.success(.integer(1)), .success(.integer(0))]) == .integer(1))
        let failure = Result<RESPValue, RedisError>.failure(RedisError(reply: RESPError("CLUSTERDOWN")))
        #expect(throws: RedisError.self) { try del.join([.success(.integer(1)), failure]) }
        #expect(try SplitCommand(.del(["{t}a", "{t}b"])) == nil)
        #expect(try SplitCommand(.get("a")) == nil)
    }

    @Test(
        "An atomic command over several slots is refused",
        arguments: [
            RedisCommand("MSET", "foo", 1, "bar", 2), RedisCommand("RENAME", "foo", "bar"),
            RedisCommand("SINTER", "foo", "bar"), RedisCommand("EVAL", "return 1", 2, "foo", "bar"),
        ])
    func refusal(command: RedisCommand) {
        #expect {
            _ = try SplitCommand(command)
        } throws: { error in
            let error = error as? RedisError
            return error?.code == .invalidCommand && error?.message.contains("hash tag") == true
        }
    }
}
