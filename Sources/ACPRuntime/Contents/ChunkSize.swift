// SPDX-License-Identifier: Apache-2.0

/// How many items of a list to read at once, so that they have about as many bytes as are wanted.
///
/// How large items are is known after they have been read. So the first chunk is small, and each chunk is at most twice as large as
/// the one before it.
package struct ChunkSize: Sendable {
    /// How many items to read next.
    package private(set) var count: Int
    private let limit: Int

    package init(first: Int, limit: Int) {
        count = max(1, min(first, limit))
        self.limit = max(1, limit)
    }

    /// Notes what was read.
    ///
    /// - Parameters:
    ///   - items: How many items there were.
    ///   - bytes: How many bytes they had.
    ///   - wanted: How many bytes are wanted next.
    package mutating func note(items: Int, bytes: Int, wanted: Int) {
        guard items > 0 else { return }
        let fitting = max(1, wanted) / max(1, bytes / items)
        count = max(1, min(2 * count, fitting, limit))
    }
}

extension Array {
    /// The first elements that have no more than so many bytes together. At least one, if there is one.
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
