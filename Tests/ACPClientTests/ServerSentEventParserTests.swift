// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPClient

@Suite("The parser of event streams")
struct ServerSentEventParserTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var stream: String
        var events: [String]

        init(_ name: String, _ stream: String, _ events: [String]) {
            testDescription = name
            self.stream = stream
            self.events = events
        }
    }

    static let examples: [Example] = [
        .init("one event", "data: a\n\n", ["message||a"]),
        .init("CRLF", "data: a\r\nid: 1\r\n\r\ndata: b\r\n\r\n", ["message|1|a", "message||b"]),
        .init("CR", "data: a\rid: 1\r\rdata: b\r\r", ["message|1|a", "message||b"]),
        .init("mixed line ends", "data: a\rdata: b\ndata: c\r\n\n", ["message||a\nb\nc"]),
        .init("an empty line after CR LF is one line end and one empty line", "data: a\r\n\r\n\r\n", ["message||a"]),
        .init("comments", ": hello\ndata: a\n:\n:data: b\n\n: bye\n\n", ["message||a"]),
        .init("several data lines", "data: a\ndata:\ndata:  b\n\n", ["message||a\n\n b"]),
        .init("no space after the colon", "data:a\nid:7\nevent:x\n\n", ["x|7|a"]),
        .init("a field without a colon", "data\n\ndata\ndata\n\n", ["message||", "message||\n"]),
        .init("unknown fields", "foo: bar\ndata: a\ndatax: b\n data: c\n\n", ["message||a"]),
        .init("an id belongs to its own event", "id: 1\ndata: a\n\ndata: b\n\n", ["message|1|a", "message||b"]),
        .init("an id with a zero byte does not count", "id: 1\u{0}\ndata: a\n\n", ["message||a"]),
        .init("a block without data", "event: x\nid: 3\n\ndata: a\n\n", ["message||a"]),
        .init("a byte order mark", "\u{FEFF}data: a\n\n\u{FEFF}data: b\n\n", ["message||a"]),
        .init("an unfinished event", "data: a\n\ndata: b\n", ["message||a"]),
        .init("nothing", "", []),
        .init("colons in the data", "data: {\"a\": \"b:c\"}\n\n", ["message||{\"a\": \"b:c\"}"]),
        .init("text beyond ASCII", "data: Grüße 🚀\n\n", ["message||Grüße 🚀"]),
    ]

    @Test("A stream is parsed in one piece", arguments: examples)
    func readsInOnePiece(_ example: Example) throws {
        #expect(try parse([Array(example.stream.utf8)]) == example.events)
    }

    @Test("A stream is parsed byte by byte", arguments: examples)
    func readsByteByByte(_ example: Example) throws {
        #expect(try parse(example.stream.utf8.map { [$0] }) == example.events)
    }

    @Test("A stream is parsed in any pieces", arguments: examples)
    func readsCutAnywhere(_ example: Example) throws {
        let bytes = Array(example.stream.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]].map(Array.init)
                #expect(try parse(pieces) == example.events)
            }
        }
    }

    @Test("The reconnection time is stored")
    func remembersRetry() throws {
        var parser = ServerSentEventParser()
        #expect(parser.retryMilliseconds == nil)
        parser.append(Array("retry: 1500\nretry: soon\nretry: -1\nretry:\n".utf8))
        #expect(try parser.next() == nil)
        #expect(parser.retryMilliseconds == 1500)
    }

    @Test("Events up to the limit are accepted, larger ones rejected")
    func refusesTooLargeEvents() throws {
        func parse(_ stream: String) throws -> Int {
            var parser = ServerSentEventParser(maximumEventBytes: 100)
            var events = 0
            for byte in stream.utf8 {
                parser.append([byte])
                while try parser.next() != nil { events += 1 }
            }
            return events
        }
        let line = String(repeating: "x", count: 99)
        #expect(try parse("data: \(line)x\n\ndata: \(line)\n\n") == 2)
        #expect(throws: ServerSentEventParser.EventTooLarge(limit: 100)) { try parse("data: \(line)\ndata: xx\n\n") }
        #expect(throws: ServerSentEventParser.EventTooLarge(limit: 100)) { try parse("data: \(line)\(line)") }
    }

    @Test("A large event is parsed in small pieces")
    func readsLargeEvents() throws {
        let size = 4 * 1024 * 1024
        var parser = ServerSentEventParser()
        parser.append(Array("data: ".utf8))
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 64)
        for _ in 0..<(size / piece.count) {
            #expect(try parser.next() == nil)
            parser.append(piece)
        }
        #expect(try parser.next() == nil)
        parser.append(Array("\n\n".utf8))
        #expect(try parser.next()?.data.count == size)
    }

    private func parse(_ pieces: [[UInt8]]) throws -> [String] {
        var parser = ServerSentEventParser()
        var events: [String] = []
        for piece in pieces {
            parser.append(piece)
            while let event = try parser.next() {
                events.append("\(event.type)|\(event.id ?? "")|\(String(decoding: event.data, as: UTF8.self))")
            }
        }
        return events
    }
}
