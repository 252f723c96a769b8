// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPStorage

@Suite("Recency queue")
struct RecencyQueueTests {
    @Test("A recency queue returns the least recently used element first", arguments: 1...10 as ClosedRange<UInt64>)
    func recency(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = RecencyQueue<Int>()
        var model: [Int] = []
        for _ in 0..<5_000 {
            let id = Int.random(in: 0..<60, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<7:
                queue.touch(id)
                model.removeAll { $0 == id }
                model.append(id)
            case 7..<9:
                queue.remove(id)
                model.removeAll { $0 == id }
            default:
                #expect(queue.popLeastRecent() == (model.isEmpty ? nil : model.removeFirst()))
            }
            #expect(queue.count == model.count)
            // Removing elements leaves as many outdated entries until the next touch.
            #expect(queue.entryCount <= max(64, model.count * 2) + 60)
        }
        while !model.isEmpty { #expect(queue.popLeastRecent() == model.removeFirst()) }
        #expect(queue.popLeastRecent() == nil)
    }
}
