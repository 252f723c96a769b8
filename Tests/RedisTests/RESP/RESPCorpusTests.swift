// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing

@testable import Redis

@Suite("Fuzzing corpus")
struct RESPCorpusTests {
    @Test("The fuzzing seeds and past crashes decode alike in any chunking")
    func replay() throws {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let corpus = root.appendingPathComponent("Fuzz/RESP/corpus")
        let files = try FileManager.default.contentsOfDirectory(at: corpus, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            // The first byte is a parameter of the fuzzer.
            let bytes = Array(try Data(contentsOf: file).dropFirst())
            let whole = outcome([bytes])
            for size in 1...16 {
                let chunks = stride(from: 0, to: bytes.count, by: size).map {
                    Array(bytes[$0..<min($0 + size, bytes.count)])
                }
                #expect(outcome(chunks) == whole, "\(file.lastPathComponent) in chunks of \(size)")
            }
        }
    }

    private func outcome(_ chunks: [[UInt8]]) -> [String] {
        var decoder = RESPDecoder(limits: RESPLimits(maxAggregateCount: 4096, maxDepth: 16))
        var outcome: [String] = []
        do {
            for chunk in chunks {
                decoder.feed(ByteBuffer(bytes: chunk))
                while let message = try decoder.next() { outcome.append("\(message)") }
            }
        } catch {
            outcome.append("\(error.code)")
        }
        return outcome
    }
}
