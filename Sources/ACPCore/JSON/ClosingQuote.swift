// SPDX-License-Identifier: Apache-2.0

import Foundation

extension UnsafeRawBufferPointer {
    /// Returns the index of the first byte of a value in a range, or `nil` if there is none.
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        guard let base = baseAddress, range.upperBound <= count,
            let found = memchr(base + range.lowerBound, Int32(byte), range.count)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Returns the end of a JSON string without examining its characters. Most bytes of a document are in strings,
    /// which are skipped as fast as memory can be read.
    ///
    /// - Parameter start: The index of the first character of the string, after the opening quote.
    /// - Returns: The index of the closing quote. If `nil`, the string does not end.
    package func closingQuote(from start: Int) -> Int? {
        guard let base = baseAddress else { return nil }
        var position = start
        while position < count {
            guard let found = memchr(base + position, Int32(UInt8(ascii: "\"")), count - position) else { return nil }
            let quote = UnsafeRawPointer(found) - base
            // A quote after an odd number of backslashes is a character of the string.
            var backslashes = 0
            while quote - backslashes > start, self[quote - backslashes - 1] == UInt8(ascii: "\\") { backslashes += 1 }
            if backslashes.isMultiple(of: 2) { return quote }
            position = quote + 1
        }
        return nil
    }
}
