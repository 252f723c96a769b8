// SPDX-License-Identifier: Apache-2.0

/// Counts the keys and values of a document before it is decoded: a value of two bytes may need a hundred bytes of
/// memory.
package enum JSONCensus {
    /// Returns whether a document has more than a number of keys and values. Does not check whether the document is
    /// JSON.
    package static func exceeds(_ limit: Int, in json: some Sequence<UInt8>) -> Bool {
        json.withContiguousStorageIfAvailable { exceeds(limit, in: UnsafeRawBufferPointer($0)) } ?? false
    }

    private static func exceeds(_ limit: Int, in json: UnsafeRawBufferPointer) -> Bool {
        // Each key and each value except the first follows one of these characters.
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
