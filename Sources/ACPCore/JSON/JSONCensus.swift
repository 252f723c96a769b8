// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Counts what a document holds before it is decoded: a value of two bytes may take a hundred in memory.
package enum JSONCensus {
    /// Whether a document holds more than so many keys and values. Whether it is JSON at all is not checked.
    package static func exceeds(_ limit: Int, in json: some Sequence<UInt8>) -> Bool {
        json.withContiguousStorageIfAvailable { exceeds(limit, in: UnsafeRawBufferPointer($0)) } ?? false
    }

    private static func exceeds(_ limit: Int, in json: UnsafeRawBufferPointer) -> Bool {
        // Each key and each value comes behind one of these signs, but the first.
        guard json.count > limit else { return false }
        var count = 1
        var index = 0
        while index < json.count {
            switch json[index] {
            case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ","), UInt8(ascii: ":"):
                count += 1
                if count > limit { return true }
            case UInt8(ascii: "\""): index = closingQuote(in: json, from: index + 1)
            default: break
            }
            index += 1
        }
        return false
    }

    /// Where a string ends whose first character stands at `start`. Most bytes of a document stand in strings: they are
    /// passed over as fast as memory can be read.
    private static func closingQuote(in json: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < json.count, let base = json.baseAddress,
            let found = memchr(base + index, Int32(UInt8(ascii: "\"")), json.count - index)
        {
            let quote = UnsafeRawPointer(found) - base
            var backslashes = 0
            while quote - backslashes > start, json[quote - backslashes - 1] == UInt8(ascii: "\\") { backslashes += 1 }
            if backslashes.isMultiple(of: 2) { return quote }
            index = quote + 1
        }
        return json.count
    }
}
