// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import DequeModule

/// A cache of loaded resources with limits, which evicts the least recently used entry. A value type without locks.
struct LinkCache {
    private struct Entry {
        var resource: LoadedResource
        var cost: Int
        var expiry: ContinuousClock.Instant
        /// The number of its last use.
        var use: Int
    }

    private let byteLimit: Int
    private let entryLimit: Int
    private var entries: [String: Entry] = [:]
    /// Uses in their order. Those that are not the last use of their entry are ignored.
    private var uses: Deque<(key: String, use: Int)> = []
    private var useCount = 0
    private(set) var bytes = 0

    init(byteLimit: Int, entryLimit: Int) {
        self.byteLimit = byteLimit
        self.entryLimit = entryLimit
    }

    var count: Int { entries.count }

    mutating func resource(for key: String, now: ContinuousClock.Instant) -> LoadedResource? {
        guard let entry = entries[key] else { return nil }
        guard now < entry.expiry else {
            remove(key)
            return nil
        }
        touch(key)
        return entry.resource
    }

    mutating func keep(_ resource: LoadedResource, for key: String, until expiry: ContinuousClock.Instant) {
        // The overhead of an entry is counted too, so that many small resources do not exceed the limit.
        let cost = resource.bytes.count + 2 * key.utf8.count + resource.contentType.utf8.count + 256
        remove(key)
        guard cost <= byteLimit, entryLimit > 0 else { return }
        entries[key] = Entry(resource: resource, cost: cost, expiry: expiry, use: 0)
        bytes += cost
        touch(key)
        while bytes > byteLimit || entries.count > entryLimit, let oldest = uses.popFirst() {
            if entries[oldest.key]?.use == oldest.use { remove(oldest.key) }
        }
    }

    private mutating func remove(_ key: String) {
        if let entry = entries.removeValue(forKey: key) { bytes -= entry.cost }
    }

    private mutating func touch(_ key: String) {
        useCount += 1
        entries[key]?.use = useCount
        uses.append((key, useCount))
        guard uses.count > 2 * entries.count + 64 else { return }
        uses = Deque(uses.filter { entries[$0.key]?.use == $0.use })
    }
}
