// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("RESP decoder")
struct RESPDecoderTests {
    /// Decodes the complete input.
    static func decode(_ input: String, _ limits: RESPLimits = RESPLimits()) throws -> [RESPMessage] {
        try decode([ByteBuffer(string: input)], limits)
    }

    static func decode(_ chunks: [ByteBuffer], _ limits: RESPLimits = RESPLimits()) throws -> [RESPMessage] {
        var decoder = RESPDecoder(limits: limits)
        var messages: [RESPMessage] = []
        for chunk in chunks {
            decoder.feed(chunk)
            while let message = try decoder.next() { messages.append(message) }
        }
        return messages
    }

    static func bulk(_ text: String) -> RESPValue { .bulkString(ByteBuffer(string: text)) }

    /// An example of every type of RESP2 and RESP3 with its value.
    static let examples: [(input: String, value: RESPValue)] = [
        ("+OK\r\n", .simpleString("OK")),
        ("+\r\n", .simpleString("")),
        ("-WRONGTYPE no\r\n", .simpleError(RESPError("WRONGTYPE no"))),
        (":0\r\n", .integer(0)),
        (":-9223372036854775808\r\n", .integer(.min)),
        (":9223372036854775807\r\n", .integer(.max)),
        (":+7\r\n", .integer(7)),
        ("$5\r\nhe\r\no\r\n", bulk("he\r\no")),
        ("$0\r\n\r\n", bulk("")),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("_\r\n", .null),
        ("*0\r\n", .array([])),
        ("*2\r\n:1\r\n$1\r\na\r\n", .array([.integer(1), bulk("a")])),
        ("*1\r\n*1\r\n*1\r\n+x\r\n", .array([.array([.array([.simpleString("x")])])])),
        ("*3\r\n*0\r\n$-1\r\n*-1\r\n", .array([.array([]), .null, .null])),
        (",3.25\r\n", .double(3.25)),
        (",-1e10\r\n", .double(-1e10)),
        (",inf\r\n", .double(.infinity)),
        (",-inf\r\n", .double(-.infinity)),
        ("#t\r\n", .boolean(true)),
        ("#f\r\n", .boolean(false)),
        ("(-349999999999999999999999\r\n", .bigNumber("-349999999999999999999999")),
        ("!8\r\nERR a\r\nb\r\n", .bulkError(RESPError("ERR a\r\nb"))),
        ("=8\r\ntxt:text\r\n", .verbatimString(format: "txt", ByteBuffer(string: "text"))),
        (
            "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n",
            .map([
                RESPPair(key: .simpleString("a"), value: .integer(1)),
                RESPPair(key: .simpleString("b"), value: .array([.null])),
            ])
        ),
        ("~2\r\n:1\r\n:2\r\n", .set([.integer(1), .integer(2)])),
        ("$?\r\n;4\r\nhell\r\n;1\r\no\r\n;0\r\n", bulk("hello")),
        ("$?\r\n;0\r\n", bulk("")),
        ("*?\r\n:1\r\n*?\r\n.\r\n:2\r\n.\r\n", .array([.integer(1), .array([]), .integer(2)])),
        ("~?\r\n:1\r\n.\r\n", .set([.integer(1)])),
        ("%?\r\n+a\r\n:1\r\n.\r\n", .map([RESPPair(key: .simpleString("a"), value: .integer(1))])),
        // An attribute inside an aggregate describes the next element and is not an element.
        ("*2\r\n|1\r\n+ttl\r\n:3\r\n:1\r\n:2\r\n", .array([.integer(1), .integer(2)])),
    ]

    @Test("Every type is decoded", arguments: examples)
    func types(input: String, value: RESPValue) throws {
        #expect(try Self.decode(input) == [.reply(value)])
    }

    @Test("A double that is not a number is decoded")
    func notANumber() throws {
        guard case .reply(.double(let number)) = try Self.decode(",nan\r\n").first else {
            Issue.record("not a double")
            return
        }
        #expect(number.isNaN)
    }

    @Test("Any chunking yields the same messages")
    func chunking() throws {
        let input = Self.examples.map(\.input).joined()
        let expected = Self.examples.map { RESPMessage.reply($0.value) }
        let bytes = Array(input.utf8)
        for size in Array(1...40) + [bytes.count] {
            let chunks = stride(from: 0, to: bytes.count, by: size).map { start in
                // Surrounded by other bytes, so that an index into the wrong buffer is detected.
                var buffer = ByteBuffer(string: "before")
                buffer.moveReaderIndex(forwardBy: 6)
                buffer.writeBytes(bytes[start..<min(start + size, bytes.count)])
                let end = buffer.writerIndex
                buffer.writeString("after")
                buffer.moveWriterIndex(to: end)
                return buffer
            }
            #expect(try Self.decode(chunks) == expected, "in chunks of \(size) bytes")
        }
    }

    @Test("Attributes and pushes are not replies")
    func outOfBand() throws {
        let messages = try Self.decode("|1\r\n+ttl\r\n:3\r\n:1\r\n>2\r\n+invalidate\r\n:9\r\n:2\r\n")
        #expect(
            messages == [
                .attribute([RESPPair(key: .simpleString("ttl"), value: .integer(3))]),
                .reply(.integer(1)),
                .push([.simpleString("invalidate"), .integer(9)]),
                .reply(.integer(2)),
            ])
    }

    @Test("Strings are slices of the received data, not copies")
    func slices() throws {
        let input = ByteBuffer(string: "$3\r\nabc\r\n")
        guard case .reply(.bulkString(let content)) = try Self.decode([input]).first else {
            Issue.record("not a string")
            return
        }
        let storage = input.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        let slice = content.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(slice == storage + 4)
    }

    @Test("A returned string does not change when further bytes arrive")
    func slicesAreStable() throws {
        var decoder = RESPDecoder()
        decoder.feed(ByteBuffer(string: "$3\r\nabc\r\n$3\r\nde"))
        let first = try decoder.next()
        #expect(try decoder.next() == nil)
        decoder.feed(ByteBuffer(string: "f\r\n:1\r\n"))
        #expect(try decoder.next() == .reply(Self.bulk("def")))
        #expect(try decoder.next() == .reply(.integer(1)))
        #expect(first == .reply(Self.bulk("abc")))
    }
}
