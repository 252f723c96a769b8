// SPDX-License-Identifier: Apache-2.0

/// The purpose of an address, according to the registries of special-purpose addresses (RFC 6890).
enum AddressKind: Sendable, Hashable {
    /// An address on the internet.
    case `public`
    /// An address of this machine.
    case loopback
    /// An address of a private network.
    case `private`
    /// An address on the same network segment.
    case linkLocal
    /// The address of a cloud's metadata service, which hands out credentials.
    case metadata
    /// An address that is not used for connections to servers.
    case reserved

    /// The description of the kind in errors.
    var name: String {
        switch self {
        case .public: "a public address"
        case .loopback: "an address of this machine"
        case .private: "a private address"
        case .linkLocal: "a link-local address"
        case .metadata: "the address of a cloud's metadata service"
        case .reserved: "a reserved address"
        }
    }
}

extension IPAddress {
    /// The purpose of the address.
    var kind: AddressKind {
        if Self.metadata.contains(where: { $0.contains(self) }) { return .metadata }
        switch self {
        case .v4:
            return Self.special4.first { $0.range.contains(self) }?.kind ?? .public
        case .v6(let high, let low):
            if let inner = embedded(high: high, low: low) { return inner.kind }
            if let special = Self.special6.first(where: { $0.range.contains(self) }) { return special.kind }
            // All public addresses are allocated from this range.
            return AddressRange("2000::/3").contains(self) ? .public : .reserved
        }
    }

    /// Returns the IPv4 address that is embedded in an IPv6 address, or `nil` if there is none.
    private func embedded(high: UInt64, low: UInt64) -> IPAddress? {
        // Mapped: ::ffff:a.b.c.d.
        if high == 0, low >> 32 == 0xFFFF { return .v4(UInt32(truncatingIfNeeded: low)) }
        // Translated (NAT64): 64:ff9b::a.b.c.d.
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 { return .v4(UInt32(truncatingIfNeeded: low)) }
        // 6to4: 2002:aabb:ccdd::.
        if high >> 48 == 0x2002 { return .v4(UInt32(truncatingIfNeeded: high >> 16)) }
        return nil
    }

    private static let metadata: [AddressRange] = [
        "169.254.169.254/32",
        // Container credentials of AWS.
        "169.254.170.2/32", "169.254.170.23/32", "fd00:ec2::/32",
        // Alibaba Cloud, Oracle Cloud, Azure (which is a public address), Google Cloud.
        "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fd20:ce::254/128",
    ]

    private static let special4: [(range: AddressRange, kind: AddressKind)] = [
        ("0.0.0.0/8", .reserved),
        ("10.0.0.0/8", .private),
        ("100.64.0.0/10", .private),
        ("127.0.0.0/8", .loopback),
        ("169.254.0.0/16", .linkLocal),
        ("172.16.0.0/12", .private),
        ("192.0.0.0/24", .reserved),
        ("192.0.2.0/24", .reserved),
        ("192.88.99.0/24", .reserved),
        ("192.168.0.0/16", .private),
        ("198.18.0.0/15", .reserved),
        ("198.51.100.0/24", .reserved),
        ("203.0.113.0/24", .reserved),
        // Multicast, reserved addresses and limited broadcast.
        ("224.0.0.0/3", .reserved),
    ]

    private static let special6: [(range: AddressRange, kind: AddressKind)] = [
        ("::1/128", .loopback),
        // The unspecified address, and IPv4-compatible addresses (deprecated).
        ("::/96", .reserved),
        // Local-use translation (NAT64).
        ("64:ff9b:1::/48", .private),
        ("100::/64", .reserved),
        ("100:0:0:1::/64", .reserved),
        // Protocol assignments, among them Teredo, which can reach any IPv4 address.
        ("2001::/23", .reserved),
        ("2001:db8::/32", .reserved),
        ("3fff::/20", .reserved),
        ("fc00::/7", .private),
        ("fe80::/10", .linkLocal),
        ("fec0::/10", .private),
        ("ff00::/8", .reserved),
    ]
}

/// The addresses with a common prefix.
struct AddressRange: Sendable, Hashable {
    private let first: IPAddress
    private let length: Int

    /// Parses a range such as `10.0.0.0/8`. Returns `nil` if the text is not a range.
    init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = IPAddress(parts[0]), let length = Int(parts[1]) else { return nil }
        switch first {
        case .v4: guard (0...32).contains(length) else { return nil }
        case .v6: guard (0...128).contains(length) else { return nil }
        }
        self.first = first
        self.length = length
    }

    func contains(_ address: IPAddress) -> Bool {
        switch (first, address) {
        case (.v4(let first), .v4(let other)):
            (first ^ other) & ~(UInt32.max >> UInt32(length)) == 0
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            (high ^ otherHigh) & ~(UInt64.max >> UInt64(min(length, 64))) == 0
                && (low ^ otherLow) & ~(UInt64.max >> UInt64(max(0, length - 64))) == 0
        default: false
        }
    }
}

extension AddressRange: ExpressibleByStringLiteral {
    /// Creates a range of the tables in this file. An invalid literal becomes the range of all IPv4 addresses, so that
    /// a mistake rejects too much rather than too little.
    init(stringLiteral text: StaticString) {
        self = AddressRange(parsing: "\(text)") ?? AddressRange(first: .v4(0), length: 0)
    }

    private init(first: IPAddress, length: Int) {
        self.first = first
        self.length = length
    }
}
