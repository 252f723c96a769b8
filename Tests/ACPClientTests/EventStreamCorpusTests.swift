// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ACPClient

@Suite("Inputs of the fuzzers for streams and URLs")
struct EventStreamCorpusTests {
    @Test("Event streams are parsed alike in any pieces")
    func replaysStreams() throws {
        for input in try corpus("SSE") {
            // The first byte is a parameter of the fuzzer.
            let bytes = Array(input.bytes.dropFirst())
            let whole = parse([bytes])
            for size in 1...16 {
                let pieces = stride(from: 0, to: bytes.count, by: size).map {
                    Array(bytes[$0..<min($0 + size, bytes.count)])
                }
                #expect(parse(pieces) == whole, "\(input.name) in pieces of \(size)")
            }
        }
    }

    @Test("A URL of a server that was accepted is the same after it was written")
    func replaysURLs() throws {
        for input in try corpus("URLs") {
            guard let url = try? BaseURL(String(decoding: input.bytes.dropFirst(), as: UTF8.self)) else { continue }
            #expect(try BaseURL(url.description) == url, "\(input.name)")
            #expect(url.isSameOrigin(as: url.description + "/runs"), "\(input.name)")
        }
    }

    private func corpus(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fuzz/\(name)/corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        try #require(!files.isEmpty)
        return try files.map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
    }

    private struct Outcome: Equatable {
        var events: [ServerSentEvent] = []
        var retryMilliseconds: Int?
        var isTooLarge = false
    }

    private func parse(_ pieces: [[UInt8]]) -> Outcome {
        // The limit of the fuzzer.
        var parser = ServerSentEventParser(maximumEventBytes: 128)
        var outcome = Outcome()
        do {
            for piece in pieces {
                parser.append(piece)
                while let event = try parser.next() { outcome.events.append(event) }
            }
        } catch {
            outcome.isTooLarge = true
        }
        outcome.retryMilliseconds = parser.retryMilliseconds
        return outcome
    }
}
