// SPDX-License-Identifier: Apache-2.0

/// Bytes that are written one behind the other, with one check of the room for each piece rather than for each byte.
struct ByteBuilder {
    /// What is written, and room for more behind it.
    private var storage = Self.blank
    private var count = 0

    /// What every builder begins with. To copy it costs less than to make another.
    private static let blank = [UInt8](repeating: 0, count: 256)

    /// Writes a piece.
    ///
    /// - Parameters:
    ///   - limit: How many bytes the piece has at most.
    ///   - body: Gets room for at least that many, and returns how many it has written.
    @inline(__always)
    mutating func write(atMost limit: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int) {
        if storage.count - count < limit { grow(by: limit) }
        let start = count
        count += storage.withUnsafeMutableBufferPointer { body(UnsafeMutableBufferPointer(rebasing: $0[start...])) }
    }

    mutating func append(_ byte: UInt8) {
        if count == storage.count { grow(by: 1) }
        storage[count] = byte
        count += 1
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        write(atMost: bytes.count) { room in
            UnsafeMutableRawBufferPointer(room).copyMemory(from: bytes)
            return bytes.count
        }
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Hands over what was written. Nothing is copied.
    mutating func takeBytes() -> [UInt8] {
        storage.removeLast(storage.count - count)
        count = 0
        defer { storage = [] }
        return storage
    }

    /// At least doubles the size, so that all growth together costs no more than writing does. A large piece gets some more room
    /// than it needs: what is behind it mostly fits as well.
    @inline(never)
    private mutating func grow(by room: Int) {
        let size = storage.count + max(storage.count, room + room / 4)
        var larger = [UInt8](repeating: 0, count: size)
        larger.withUnsafeMutableBytes { target in
            storage.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        storage = larger
    }
}
