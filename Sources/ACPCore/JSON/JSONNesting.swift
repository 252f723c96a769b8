// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Finds documents that are nested too deeply, before a recursive reader sees them.
///
/// Foundation's decoder recurses once per level, has been seen to stop the process when the 513th level opens at the
/// very end of the input, and a thread with a small stack overflows long before that. So the depth is checked here, in
/// one pass over the bytes, without recursion.
enum JSONNesting {
    enum Fault: Error {
        case tooDeep
        /// A NUL byte, which no JSON text in UTF-8 can hold: the text is UTF-16 or UTF-32, or no text at all.
        case notUTF8
    }

    /// Looks for a fault. Whether the text is JSON at all is not checked.
    static func fault(in json: some ContiguousBytes, limit: Int) -> Fault? {
        json.withUnsafeBytes { fault(in: $0, limit: limit) }
    }

    private static func fault(in json: UnsafeRawBufferPointer, limit: Int) -> Fault? {
        var depth = 0
        var index = 0
        let end = json.count
        while index < end {
            switch json[index] {
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > limit { return .tooDeep }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
            case UInt8(ascii: "\""):
                index = closingQuote(in: json, from: index + 1)
            case 0:
                return .notUTF8
            default:
                break
            }
            index += 1
        }
        return nil
    }

    /// Where a string ends whose first character stands at `start`. Most bytes of a document stand in strings: they are
    /// passed over as fast as memory can be read.
    static func closingQuote(in json: UnsafeRawBufferPointer, from start: Int) -> Int {
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
