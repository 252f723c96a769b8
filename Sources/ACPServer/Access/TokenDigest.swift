// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The SHA-256 hash of a token. Servers keep and compare hashes, so that comparisons reveal nothing about a token.
package struct TokenDigest: Sendable, Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Hashes a token.
    package init(of token: some Collection<UInt8>) {
        var hash = SHA256()
        if token.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }) == nil {
            hash.update(data: Array(token))
        }
        words = hash.finalize().withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
    }

    /// Reads a hash in hexadecimal. Returns `nil` if the text is none.
    init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64 else { return nil }
        var words: [UInt64] = []
        var rest = hex[...]
        while !rest.isEmpty {
            let part = rest.prefix(16)
            guard part.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let word = UInt64(part, radix: 16)
            else { return nil }
            // As the bytes of a hash are in memory.
            words.append(UInt64(bigEndian: word))
            rest = rest.dropFirst(16)
        }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// Compares two hashes in a time that does not depend on them.
    func isEqualInConstantTime(to other: TokenDigest) -> Bool {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        return difference == 0
    }

    package static func == (left: TokenDigest, right: TokenDigest) -> Bool { left.isEqualInConstantTime(to: right) }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
