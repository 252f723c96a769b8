// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation

/// Estimates of the bytes of memory that values require. They are rather too high than too low: every string counts,
/// also one whose bytes are shared with another value.
enum MemoryCost {
    /// The cost of a run or a session without its content: its object, its ids, its entries in tables and listings.
    static let entry = 1_024
    /// The cost of an array or a string without its elements.
    static let allocation = 48

    static func of(_ text: String?) -> Int {
        // Short strings require no allocation.
        guard let count = text?.utf8.count, count > 15 else { return 0 }
        return count + allocation
    }

    static func of(_ events: [EncodedEvent]) -> Int {
        events.reduce(0) { $0 + MemoryLayout<EncodedEvent>.stride + allocation + $1.json.count }
    }

    static func of(_ contents: [StoredContent]) -> Int { contents.reduce(0) { $0 + of($1) } }

    static func of(_ content: StoredContent) -> Int { content.bytes.count + 4 * allocation }

    /// Returns the cost of a document.
    static func of(_ json: [UInt8]) -> Int { json.count + allocation }

    /// Returns the cost of a block without its contents.
    static func of(_ block: HistoryBlock) -> Int {
        block.entries.reduce(2 * allocation + block.key.utf8.count) {
            $0 + MemoryLayout<Encoded<HistoryEntry>>.stride + of($1.json)
        }
    }

    static func of(_ session: StoredSession) -> Int {
        var cost = MemoryLayout<StoredSession>.stride + of(session.metadata.json) + of(session.principal?.rawValue)
        if let state = session.state { cost += state.bytes.count + allocation + of(state.contentType) }
        return cost
    }
}

extension MemoryStorage.Configuration {
    /// The default limit: a quarter of the memory of the machine, or of the container if it has less.
    public static let defaultByteLimit: Int = {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].lazy
            .compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }
            .compactMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            .first
        return max(smallestByteLimit, min(machine, container ?? machine) / 4)
    }()

    static let smallestByteLimit = 65_536
}
