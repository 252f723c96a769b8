// SPDX-License-Identifier: Apache-2.0

/// One of the 16,384 hash slots of a Redis Cluster.
package struct HashSlot: Hashable, Sendable {
    package static let count = 16_384

    package let number: Int

    init?(_ number: Int) {
        guard (0..<Self.count).contains(number) else { return nil }
        self.number = number
    }

    /// Returns the slot of a key or of a shard channel. If the key has a hash tag, the part between its first `{` and
    /// the next `}` that is not empty, only the tag is hashed.
    package init(ofKey key: some Collection<UInt8>) {
        let open = UInt8(ascii: "{")
        let close = UInt8(ascii: "}")
        guard let start = key.firstIndex(of: open) else {
            number = Int(CRC16.checksum(key)) % Self.count
            return
        }
        let rest = key[key.index(after: start)...]
        guard let end = rest.firstIndex(of: close), end != rest.startIndex else {
            number = Int(CRC16.checksum(key)) % Self.count
            return
        }
        number = Int(CRC16.checksum(rest[..<end])) % Self.count
    }

    package init(ofKey key: String) { self.init(ofKey: key.utf8) }
}

/// CRC-16/XMODEM, the hash function of Redis Cluster.
enum CRC16 {
    private static let table: [UInt16] = (0..<256).map { byte in
        (0..<8).reduce(UInt16(byte) << 8) { crc, _ in crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
    }

    static func checksum(_ bytes: some Collection<UInt8>) -> UInt16 {
        bytes.reduce(0) { crc, byte in crc << 8 ^ table[Int((crc >> 8) ^ UInt16(byte))] }
    }
}
