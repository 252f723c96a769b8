// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOCore
import Testing

@testable import Redis

@Suite("RESP decoder faults")
struct RESPDecoderFaultTests {
    static let broken: [(input: String, code: RESPDecodingError.Code)] = [
        ("x\r\n", .unknownType),
        ("\r\n\r\n", .missingTerminator),
        ("HTTP/1.1 400 Bad Request\r\n", .unknownType),
        (":\r\n", .malformedNumber),
        (":1a\r\n", .malformedNumber),
        (":-\r\n", .malformedNumber),
        (":9223372036854775808\r\n", .malformedNumber),
        ("$-2\r\n", .malformedNumber),
        ("*-2\r\n", .malformedNumber),
        ("%-1\r\n", .malformedNumber),
        ("!-1\r\n", .malformedNumber),
        ("$ 1\r\n", .malformedNumber),
        (",1.2.3\r\n", .malformedNumber),
        (",0x10\r\n", .malformedNumber),
        ("(12a\r\n", .malformedNumber),
        ("(\r\n", .malformedNumber),
        (":1\n", .missingTerminator),
        ("\n", .missingTerminator),
        ("$1\r\nabc\r\n", .missingTerminator),
        ("_x\r\n", .malformedValue),
        ("#x\r\n", .malformedValue),
        ("=3\r\ntxt\r\n", .malformedValue),
        ("=4\r\ntext\r\n", .malformedValue),
        (">0\r\n", .malformedValue),
        (".\r\n", .unexpectedType),
        ("*1\r\n.\r\n", .unexpectedType),
        ("%?\r\n+a\r\n.\r\n", .unexpectedType),
        ("*1\r\n>1\r\n+a\r\n", .unexpectedType),
        ("|?\r\n", .unexpectedType),
        ("$?\r\n+a\r\n", .unexpectedType),
        ("$?\r\n;-1\r\n", .malformedNumber),
    ]

    @Test("Invalid RESP is a typed error in any chunking", arguments: broken)
    func malformed(input: String, code: RESPDecodingError.Code) {
        #expect(throws: RESPDecodingError.self) { try RESPDecoderTests.decode(input) }
        for chunks in [[ByteBuffer(string: input)], input.utf8.map { ByteBuffer(integer: $0) }] {
            do {
                _ = try RESPDecoderTests.decode(chunks)
                Issue.record("no error")
            } catch {
                #expect((error as? RESPDecodingError)?.code == code)
            }
        }
    }

    @Test(
        "A length near the largest integer does not overflow and allocates nothing",
        arguments: ["$", "*", "%", "~", ">", "|", "!", "="],
        [Int.max, Int.max - 1, Int.max / 2, Int.max / 2 + 1]
    )
    func hugeLengths(type: String, length: Int) {
        let unlimited = RESPLimits(
            maxBulkLength: .max, maxAggregateCount: .max, maxDepth: .max, maxLineLength: .max - 3,
            maxMessageLength: .max)
        for limits in [RESPLimits(), unlimited] {
            do {
                // Either the input is refused, or the decoder waits for bytes that never arrive.
                #expect(try RESPDecoderTests.decode("\(type)\(length)\r\n:1\r\n", limits) == [])
            } catch {
                #expect((error as? RESPDecodingError)?.code == .limitExceeded)
            }
        }
    }

    static let excessive: [(input: String, limits: RESPLimits)] = [
        ("$11\r\n", RESPLimits(maxBulkLength: 10)),
        ("$?\r\n;6\r\nabcdef\r\n;5\r\n", RESPLimits(maxBulkLength: 10)),
        ("*4\r\n", RESPLimits(maxAggregateCount: 3)),
        ("%4\r\n", RESPLimits(maxAggregateCount: 3)),
        ("*?\r\n:1\r\n:2\r\n:3\r\n:4\r\n", RESPLimits(maxAggregateCount: 3)),
        ("*1\r\n*1\r\n*1\r\n*1\r\n", RESPLimits(maxDepth: 3)),
        ("+0123456789", RESPLimits(maxLineLength: 4)),
        ("*9\r\n" + String(repeating: "$1\r\na\r\n", count: 9), RESPLimits(maxMessageLength: 30)),
    ]

    @Test("Sizes and depth are limited", arguments: excessive)
    func limits(input: String, limits: RESPLimits) {
        do {
            _ = try RESPDecoderTests.decode(input, limits)
            Issue.record("no error")
        } catch {
            #expect((error as? RESPDecodingError)?.code == .limitExceeded)
        }
    }

    @Test("The limit of a message applies to each message separately")
    func messageLimit() throws {
        let input = String(repeating: "$4\r\nabcd\r\n", count: 100)
        #expect(try RESPDecoderTests.decode(input, RESPLimits(maxMessageLength: 12)).count == 100)
    }

    /// Feeds the input in chunks and returns the number of bytes that the decoder processed per byte of input.
    private func effort(_ chunks: [ByteBuffer], completes: Bool = true) throws -> Double {
        var decoder = RESPDecoder()
        var message: RESPMessage?
        for chunk in chunks {
            decoder.feed(chunk)
            message = try decoder.next()
        }
        #expect((message != nil) == completes)
        return Double(decoder.input.processedBytes) / Double(chunks.reduce(0) { $0 + $1.readableBytes })
    }

    @Test("A large array in small chunks is decoded in linear time")
    func linearTime() throws {
        for elements in [1000, 100_000] {
            var chunks = [ByteBuffer(string: "*\(elements)\r\n")]
            for _ in 0..<elements { chunks += [ByteBuffer(string: "$3\r\nab"), ByteBuffer(string: "c\r\n")] }
            #expect(try effort(chunks) < 4)
        }
    }

    @Test("A large string in small chunks is decoded in linear time")
    func linearTimeOfStrings() throws {
        let chunk = ByteBuffer(repeating: 0x61, count: 100)
        let header = ByteBuffer(string: "$5000000\r\n")
        let chunks = [header] + Array(repeating: chunk, count: 50_000) + [ByteBuffer(string: "\r\n")]
        #expect(try effort(chunks) < 4)
    }

    @Test("A long line that arrives byte by byte is searched once")
    func linearTimeOfLines() throws {
        let bytes = Array("+\(String(repeating: "x", count: 60_000))\r\n".utf8)
        #expect(try effort(bytes.map { ByteBuffer(integer: $0) }) < 4)
    }

    @Test("Random bytes do not crash the decoder")
    func randomBytes() {
        var generator = SeededGenerator(seed: 42)
        let alphabet = Array("+-:$*_,#!=(%~>|;.?\r\n0123456789ae".utf8)
        for _ in 0..<20_000 {
            var decoder = RESPDecoder(limits: RESPLimits(maxBulkLength: 64, maxAggregateCount: 64, maxDepth: 8))
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let count = Int.random(in: 1...24, using: &generator)
                decoder.feed(ByteBuffer(bytes: (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }))
                do {
                    while try decoder.next() != nil {}
                } catch {
                    break
                }
            }
        }
    }
}
