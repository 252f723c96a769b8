// SPDX-License-Identifier: Apache-2.0

/// The number of items of a list to read at once, so that they have about a wanted number of bytes.
///
/// The size of items is known after they have been read. So the first chunk is small, and each chunk is at most twice
/// as large as the one before it.
package struct ChunkSize: Sendable {
    /// The number of items to read next.
    package private(set) var count: Int
    private let limit: Int

    package init(first: Int, limit: Int) {
        count = max(1, min(first, limit))
        self.limit = max(1, limit)
    }

    /// Records what was read.
    ///
    /// - Parameters:
    ///   - items: The number of items.
    ///   - bytes: The number of their bytes.
    ///   - wanted: The number of bytes to read next.
    package mutating func note(items: Int, bytes: Int, wanted: Int) {
        guard items > 0 else { return }
        let fitting = max(1, wanted) / max(1, bytes / items)
        count = max(1, min(2 * count, fitting, limit))
    }
}

extension Array {
    /// Returns the first elements that fit into a number of bytes, but at least one if there is one.
    func prefix(bytes limit: Int, _ size: (Element) -> Int) -> [Element] {
        guard limit < .max else { return self }
        var rest = limit
        for (index, element) in enumerated() {
            rest -= Swift.min(size(element), limit + 1)
            if rest < 0 { return Array(self[..<Swift.max(1, index)]) }
        }
        return self
    }
}
