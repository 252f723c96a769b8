// SPDX-License-Identifier: Apache-2.0

import Foundation

/// An IPv4 or IPv6 address.
enum IPAddress: Sendable, Hashable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// Parses an address in the form that RFC 3986 defines for URLs: four decimal numbers, or IPv6 without brackets and
    /// without a zone. Returns `nil` for other forms that systems accept, such as `127.1`, `0x7f.0.0.1` or
    /// `2130706433`.
    init?(_ text: some StringProtocol) {
        if let address = Self.v4(text) {
            self = .v4(address)
        } else if let address = Self.v6(String(text)) {
            self = address
        } else {
            return nil
        }
    }

    private static func v4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            // Some implementations read a number with a leading zero as octal.
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for digit in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
                number = number * 10 + UInt32(digit - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }

    private static func v6(_ text: String) -> IPAddress? {
        // The C function would read only the text before a null byte.
        guard text.utf8.contains(UInt8(ascii: ":")), !text.utf8.contains(0) else { return nil }
        var bytes = in6_addr()
        guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        return withUnsafeBytes(of: bytes) { IPAddress(v6: $0) }
    }

    /// Creates an IPv6 address from its 16 bytes in network byte order.
    init?(v6 bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        func number(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        self = .v6(high: number(bytes.prefix(8)), low: number(bytes.suffix(8)))
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address in a form that all implementations read alike: without `::` and without embedded IPv4 notation.
    var description: String {
        switch self {
        case .v4(let address):
            return stride(from: 24, through: 0, by: -8).map { "\(address >> UInt32($0) & 0xFF)" }.joined(separator: ".")
        case .v6(let high, let low):
            return [high, low].flatMap { half in
                stride(from: 48, through: 0, by: -16).map { String(half >> UInt64($0) & 0xFFFF, radix: 16) }
            }.joined(separator: ":")
        }
    }
}
