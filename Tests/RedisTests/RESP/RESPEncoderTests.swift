// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("RESP encoder")
struct RESPEncoderTests {
    private func encode(_ command: RedisCommand) -> String {
        var buffer = ByteBuffer()
        RESPEncoder.write(command, to: &buffer)
        return String(buffer: buffer)
    }

    @Test("A command is an array of bulk strings")
    func command() {
        let command = RedisCommand("set", "key", "välue", 42, -1.5, ByteBuffer(string: "a\r\nb"), [UInt8(0x21)])
        #expect(
            encode(command)
                == "*7\r\n$3\r\nSET\r\n$3\r\nkey\r\n$6\r\nvälue\r\n$2\r\n42\r\n$4\r\n-1.5\r\n$4\r\na\r\nb\r\n$1\r\n!\r\n"
        )
    }

    @Test(
        "An adapter can read the bytes of an argument",
        arguments: [
            ("välue", Array("välue".utf8)), (-42, Array("-42".utf8)), (0.5, Array("0.5".utf8)),
            (RedisArgument(ByteBuffer(bytes: [0, 255, 13, 10])), [0, 255, 13, 10]),
        ] as [(RedisArgument, [UInt8])])
    func content(argument: RedisArgument, bytes: [UInt8]) {
        #expect(argument.bytes == bytes)
    }

    @Test("Counts with any number of digits are encoded", arguments: [0, 1, 9, 10, 11, 99, 100, 101, 12_345])
    func counts(length: Int) {
        let text = String(repeating: "x", count: length)
        #expect(encode(RedisCommand("PING", text)) == "*2\r\n$4\r\nPING\r\n$\(length)\r\n\(text)\r\n")
        let many = RedisCommand("DEL", arguments: Array(repeating: "k", count: length))
        #expect(encode(many).hasPrefix("*\(length + 1)\r\n"))
    }

    @Test("Numbers are encoded as decimal digits", arguments: [0, 9, 10, 99, 100, -1, -10, .max, .min])
    func numbers(number: Int) {
        let text = "\(number)"
        #expect(encode(RedisCommand("PING", number)) == "*2\r\n$4\r\nPING\r\n$\(text.utf8.count)\r\n\(text)\r\n")
    }

    @Test("Commands of any size and argument types are encoded one after the other")
    func large() {
        let text = String(repeating: "ä", count: 70_000)
        let command = RedisCommand("DEL", text, Array(text.utf8), ByteBuffer(string: text), -0.1, Int.min, [UInt8]())
        let script = RedisScript(text)
        var buffer = ByteBuffer()
        RESPEncoder.write(command, to: &buffer)
        RESPEncoder.writeWithSource(script.command(keys: ["k"]), script, to: &buffer)
        let bulk = "$140000\r\n\(text)\r\n"
        let numbers = "$4\r\n-0.1\r\n$20\r\n\(Int.min)\r\n$0\r\n\r\n"
        #expect(
            String(buffer: buffer)
                == "*7\r\n$3\r\nDEL\r\n\(bulk)\(bulk)\(bulk)\(numbers)"
                + "*4\r\n$4\r\nEVAL\r\n\(bulk)$1\r\n1\r\n$1\r\nk\r\n")
    }

    @Test("An encoded command can be decoded")
    func roundTrip() throws {
        let messages = try RESPDecoderTests.decode(encode(RedisCommand("ECHO", "hello", Double.infinity)))
        #expect(
            messages == [
                .reply(.array(["ECHO", "hello", "inf"].map { .bulkString(ByteBuffer(string: $0)) }))
            ])
    }

    @Test("The description of a command does not contain its arguments")
    func descriptions() {
        let command = RedisCommand("AUTH", "alice", "s3cret")
        var dumped = ""
        dump(command, to: &dumped)
        for text in ["\(command)", String(reflecting: command), dumped] {
            #expect(!text.contains("s3cret"))
        }
    }

    @Test(
        "The digest of a script is its SHA-1",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
            (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
        ])
    func digests(source: String, digest: String) {
        #expect(RedisScript(source).sha1 == digest)
    }

    @Test("Replies of RESP2 and RESP3 read alike")
    func accessors() {
        let text = RESPValue.bulkString(ByteBuffer(string: "12"))
        #expect(text.int == 12 && text.double == 12 && text.string == "12")
        #expect(RESPValue.integer(1).bool == true && RESPValue.boolean(false).int == 0)
        #expect(RESPValue.bulkString(ByteBuffer(string: "inf")).double == .infinity)
        let flat = RESPValue.array([.simpleString("a"), .integer(1)])
        let map = RESPValue.map([RESPPair(key: .simpleString("a"), value: .integer(1))])
        #expect(flat.pairs == map.pairs)
        #expect(map["a"] == .integer(1) && map["b"] == nil)
        #expect(RESPValue.array([.null]).pairs == nil)
        #expect(RESPValue.set([.null]).array == [.null])
    }
}
