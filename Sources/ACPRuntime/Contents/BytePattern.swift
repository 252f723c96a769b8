// SPDX-License-Identifier: Apache-2.0

/// Bytes to look for in others, mostly by stepping over as many at a time as the pattern is long (Horspool's way).
struct BytePattern {
    let bytes: [UInt8]
    /// How far to step when this byte stands where the pattern would end.
    private let steps: [Int]

    init(_ text: String) {
        bytes = Array(text.utf8)
        var steps = [Int](repeating: bytes.count, count: 256)
        for (index, byte) in bytes.dropLast().enumerated() { steps[Int(byte)] = bytes.count - 1 - index }
        self.steps = steps
    }

    var count: Int { bytes.count }

    /// Where the pattern begins next, from a position on.
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
