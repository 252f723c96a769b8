// SPDX-License-Identifier: Apache-2.0

import Foundation

extension UnsafeRawBufferPointer {
    /// Returns where a JSON string ends, without looking at its characters: most bytes of a document are in strings, and are
    /// passed over as fast as memory can be read.
    ///
    /// - Parameter start: Where the first character of the string is, behind the opening quote.
    /// - Returns: Where the closing quote is. If `nil`, the string does not end.
    package func closingQuote(from start: Int) -> Int? {
        guard let base = baseAddress else { return nil }
        var position = start
        while position < count {
            guard let found = memchr(base + position, Int32(UInt8(ascii: "\"")), count - position) else { return nil }
            let quote = UnsafeRawPointer(found) - base
            // An odd number of backslashes before it makes it a character of the string.
            var backslashes = 0
            while quote - backslashes > start, self[quote - backslashes - 1] == UInt8(ascii: "\\") { backslashes += 1 }
            if backslashes.isMultiple(of: 2) { return quote }
            position = quote + 1
        }
        return nil
    }
}
