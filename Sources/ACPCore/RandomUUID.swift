// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Creates UUIDs from a pool of random bytes of the operating system: a system call for each UUID would cost more than
/// everything else that a new id requires.
package enum RandomUUID {
    /// The most bytes that `getentropy` returns at once.
    private static let poolSize = 256
    private static let pool = Mutex([UInt8]())

    /// Returns a random UUID (version 4) in lower case.
    package static func text() -> String {
        var bytes = pool.withLock { pool in
            if pool.isEmpty { pool = randomBytes() }
            let bytes = Array(pool.suffix(16))
            pool.removeLast(16)
            return bytes
        }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        return text(bytes)
    }

    /// Returns the text of a UUID from its sixteen bytes.
    static func text(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: 36) { text in
            var position = 0
            for (index, byte) in bytes.prefix(16).enumerated() {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    text[position] = UInt8(ascii: "-")
                    position += 1
                }
                text[position] = hexadecimalDigit(byte >> 4)
                text[position + 1] = hexadecimalDigit(byte & 15)
                position += 2
            }
            return position
        }
    }

    private static func randomBytes() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: poolSize)
        guard getentropy(&bytes, poolSize) == 0 else {
            var generator = SystemRandomNumberGenerator()
            return bytes.map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
        return bytes
    }
}

/// Returns the lower-case hexadecimal digit of a value below 16.
func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}
