// SPDX-License-Identifier: Apache-2.0

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
            case UInt8(ascii: "\""): index = json.closingQuote(from: index + 1) ?? json.count
            default: break
            }
            index += 1
        }
        return false
    }
}
