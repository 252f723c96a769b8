// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore

/// The addresses of proxies whose forwarding headers a server trusts.
///
/// If a request comes from one of these addresses, the URL that the client has requested is derived from
/// `X-Forwarded-Proto`, `X-Forwarded-Host`, `X-Forwarded-Prefix` and `Forwarded`.
///
/// ```swift
/// let proxies = try TrustedProxies(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])
/// let configuration = ServerConfiguration(trustedProxies: proxies)
/// ```
public struct TrustedProxies: Sendable, Hashable {
    /// `nil` if all addresses are trusted.
    private let ranges: [Range]?

    /// Trusts the headers of every request: for a server that only its proxy can reach.
    public static let all = TrustedProxies(ranges: nil)

    /// Creates a set of trusted addresses.
    ///
    /// - Parameter ranges: IPv4 or IPv6 addresses, each with or without a prefix length.
    /// - Throws: ``ServerError`` with code `invalidProxyRange` if a text is not an address or an address range.
    public init(_ ranges: [String]) throws(ServerError) {
        var parsed: [Range] = []
        for text in ranges {
            guard let range = Range(text) else { throw .invalidProxyRange(text) }
            parsed.append(range)
        }
        self.ranges = parsed
    }

    private init(ranges: [Range]?) { self.ranges = ranges }

    /// Whether a request from an address was sent by a trusted proxy.
    func includes(_ address: SocketAddress?) -> Bool {
        guard let ranges else { return true }
        guard let bytes = address.flatMap(Self.bytes(of:)) else { return false }
        return ranges.contains { $0.contains(bytes) }
    }

    /// Returns the 4 or 16 bytes of an address. IPv4-mapped IPv6 addresses, which dual-stack sockets report, are
    /// treated as IPv4.
    static func bytes(of address: SocketAddress) -> [UInt8]? {
        // The address follows the family and the port, in IPv6 also the flow.
        func bytes(from offset: Int, count: Int) -> [UInt8] {
            address.withSockAddr { pointer, size in
                Array(UnsafeRawBufferPointer(start: pointer, count: size)[offset..<(offset + count)])
            }
        }
        switch address {
        case .v4: return bytes(from: 4, count: 4)
        case .v6:
            let bytes = bytes(from: 8, count: 16)
            let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10...11] == [0xFF, 0xFF]
            return isMapped ? Array(bytes.suffix(4)) : bytes
        case .unixDomainSocket:
            return nil
        }
    }

    /// Returns an address as it is usually written, or `nil` if it is that of a socket in the file system.
    static func text(of address: SocketAddress) -> String? {
        guard case .v4(let address) = address else { return address.ipAddress }
        // Composed here, since every request is logged with it, and the system's function takes many times longer.
        return withUnsafeBytes(of: address.address.sin_addr) { "\($0[0]).\($0[1]).\($0[2]).\($0[3])" }
    }

    /// The addresses with a common prefix.
    private struct Range: Sendable, Hashable {
        let first: [UInt8]
        let length: Int

        init?(_ text: String) {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = try? SocketAddress(ipAddress: String(parts[0]), port: 0),
                let bytes = TrustedProxies.bytes(of: address)
            else { return nil }
            first = bytes
            guard parts.count == 2 else {
                length = bytes.count * 8
                return
            }
            guard parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let length = Int(parts[1]),
                (0...bytes.count * 8).contains(length)
            else { return nil }
            self.length = length
        }

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == first.count else { return false }
            for (place, pair) in zip(address, first).enumerated() {
                let bits = min(8, length - place * 8)
                guard bits > 0 else { return true }
                if (pair.0 ^ pair.1) >> (8 - bits) != 0 { return false }
            }
            return true
        }
    }
}
