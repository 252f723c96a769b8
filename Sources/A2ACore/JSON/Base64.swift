// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648), read in both alphabets, with and without padding.
package enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlSafe = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The six bits of each byte. Those above 63 are no digits.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for alphabet in [standard, urlSafe] {
            for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        }
        return values
    }()

    /// How many characters some bytes are, with padding.
    package static func count(of bytes: Int) -> Int { (bytes + 2) / 3 * 4 }

    /// Writes bytes in the standard alphabet, with padding.
    ///
    /// - Parameter text: Room for ``count(of:)`` characters.
    package static func write(_ bytes: UnsafeRawBufferPointer, to text: UnsafeMutableRawBufferPointer) {
        write(bytes, to: text, standard)
    }

    private static func write(
        _ bytes: UnsafeRawBufferPointer, to text: UnsafeMutableRawBufferPointer, _ alphabet: [UInt8]
    ) {
        alphabet.withUnsafeBufferPointer { alphabet in
            var position = 0
            var index = 0
            func put(_ word: UInt32, digits: Int) {
                for digit in 0..<4 {
                    text[position + digit] =
                        digit < digits ? alphabet[Int(word >> UInt32(18 - 6 * digit) & 63)] : UInt8(ascii: "=")
                }
                position += 4
            }
            while index + 3 <= bytes.count {
                put(UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]), digits: 4)
                index += 3
            }
            switch bytes.count - index {
            case 1: put(UInt32(bytes[index]) << 16, digits: 2)
            case 2: put(UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8, digits: 3)
            default: break
            }
        }
    }

    /// Bytes in the alphabet for URLs, without padding, as JSON Web Signatures have them.
    package static func urlText(_ bytes: some Collection<UInt8>) -> String {
        let bytes = Array(bytes)
        var text = [UInt8](repeating: 0, count: count(of: bytes.count))
        bytes.withUnsafeBytes { bytes in text.withUnsafeMutableBytes { write(bytes, to: $0, urlSafe) } }
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        return String(decoding: text, as: UTF8.self)
    }

    /// Bytes in the standard alphabet, with padding.
    package static func text(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: count(of: bytes.count))
        bytes.withUnsafeBytes { bytes in text.withUnsafeMutableBytes { write(bytes, to: $0, standard) } }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads bytes.
    ///
    /// Returns `nil` if the text holds something else than digits of either alphabet and padding at its end, or if its last digit
    /// stands alone.
    package static func bytes(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        // Padding, where there is some, fills up the last group of four.
        guard end == text.count || text.count.isMultiple(of: 4), end % 4 != 1 else { return nil }
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: end / 4 * 3 + 2) { bytes, count in
            values.withUnsafeBufferPointer { values in
                var bad: UInt8 = 0
                var index = 0
                func digit(_ offset: Int) -> UInt32 {
                    let value = values[Int(text[index + offset])]
                    bad |= value
                    return UInt32(value)
                }
                while index + 4 <= end {
                    let word = digit(0) << 18 | digit(1) << 12 | digit(2) << 6 | digit(3)
                    bytes[count] = UInt8(truncatingIfNeeded: word >> 16)
                    bytes[count + 1] = UInt8(truncatingIfNeeded: word >> 8)
                    bytes[count + 2] = UInt8(truncatingIfNeeded: word)
                    count += 3
                    index += 4
                }
                if end - index >= 2 {
                    let word = digit(0) << 18 | digit(1) << 12 | (end - index == 3 ? digit(2) << 6 : 0)
                    bytes[count] = UInt8(truncatingIfNeeded: word >> 16)
                    count += 1
                    if end - index == 3 {
                        bytes[count] = UInt8(truncatingIfNeeded: word >> 8)
                        count += 1
                    }
                }
                isValid = bad < 64
            }
        }
        return isValid ? bytes : nil
    }

    /// Reads bytes from a text. See ``bytes(_:)-(UnsafeRawBufferPointer)``.
    package static func bytes(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { bytes(UnsafeRawBufferPointer($0)) }
    }
}
