// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// Arrays in PostgreSQL's binary format.
enum BinaryArray {
    /// Returns the elements of an array with at most one dimension and without NULLs.
    ///
    /// - Throws: `StorageError` with code `corruptData` if the bytes are anything else.
    static func elements(of bytes: [UInt8]) throws(StorageError) -> [[UInt8]] {
        var rest = bytes[...]
        func number() throws(StorageError) -> Int {
            guard rest.count >= 4 else { throw malformed }
            defer { rest = rest.dropFirst(4) }
            return Int(Int32(bigEndianBytes: rest.prefix(4)))
        }
        let dimensions = try number()
        guard dimensions != 0 else { return [] }
        guard dimensions == 1 else { throw malformed }
        // Whether there are NULLs, and the type of the elements.
        _ = try number()
        _ = try number()
        let count = try number()
        // The index of the first element.
        _ = try number()
        // Each element has a length of four bytes, so that no more memory is reserved than the array itself justifies.
        guard (0...rest.count / 4).contains(count) else { throw malformed }
        var elements: [[UInt8]] = []
        elements.reserveCapacity(count)
        for _ in 0..<count {
            let length = try number()
            guard (0...rest.count).contains(length) else { throw malformed }
            elements.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return elements
    }

    private static var malformed: StorageError {
        StorageError(.corruptData, "the server sent an array that cannot be read")
    }
}
