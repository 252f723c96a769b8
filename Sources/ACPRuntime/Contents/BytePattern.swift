// SPDX-License-Identifier: Apache-2.0

/// A byte pattern to search for, with the Boyer-Moore-Horspool algorithm.
struct BytePattern {
    let bytes: [UInt8]
    /// How far to advance for each byte that is found at the pattern's last position.
    private let steps: [Int]

    init(_ text: String) {
        bytes = Array(text.utf8)
        var steps = [Int](repeating: bytes.count, count: 256)
        for (index, byte) in bytes.dropLast().enumerated() { steps[Int(byte)] = bytes.count - 1 - index }
        self.steps = steps
    }

    var count: Int { bytes.count }

    /// Returns the position of the first occurrence at or after a start.
    func position(in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let last = bytes.last else { return nil }
        return steps.withUnsafeBufferPointer { steps in
            var end = start + bytes.count - 1
            while end < text.count {
                let byte = text[end]
                if byte == last {
                    let begin = end - bytes.count + 1
                    if text[begin...end].elementsEqual(bytes) { return begin }
                }
                end += steps[Int(byte)]
            }
            return nil
        }
    }
}
