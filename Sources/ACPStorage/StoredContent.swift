// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Something large that a run's documents, or those of a session's history, refer to in place of holding it.
///
/// A content comes with the commit or the block that refers to it first (``RunCommit/contents``, ``HistoryBlock/contents``), is
/// stored in the same atomic step, and belongs to that run or session from then on: it lives exactly as long, and goes with it.
/// So nothing has to be counted, nothing is left behind, and what refers to a content never outlives it. A run and its session
/// each keep a copy of their own, since either may be deleted, or expire, before the other.
///
/// To a backend a content is bytes under a digest. What they mean is the business of whoever wrote them.
public struct StoredContent: Sendable, Hashable {
    /// What the content is found by. The same digest always stands for the same bytes: storing them again changes nothing.
    public var digest: ContentDigest
    public var bytes: [UInt8]

    public init(digest: ContentDigest, bytes: [UInt8]) {
        self.digest = digest
        self.bytes = bytes
    }
}

/// The SHA-256 of a content, as 64 lower-case hexadecimal digits.
public struct ContentDigest: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    public let rawValue: String

    /// Nil if these are not 64 lower-case hexadecimal digits.
    public init?(rawValue: String) {
        let digits = rawValue.utf8
        guard digits.count == 64,
            digits.allSatisfy({
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            })
        else { return nil }
        self.rawValue = rawValue
    }

    /// The digest that these 32 bytes are.
    package init(hash: some Sequence<UInt8>) {
        let digits = Array("0123456789abcdef".unicodeScalars)
        var text = String.UnicodeScalarView()
        for byte in hash {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        rawValue = String(text)
    }

    public var description: String { rawValue }
}

/// Where a content is: with whom, and under which digest.
public struct ContentKey: Sendable, Hashable {
    /// Whom a content belongs to.
    public enum Owner: Sendable, Hashable {
        case run(RunID)
        case session(SessionID)
    }

    public var owner: Owner
    public var digest: ContentDigest

    public init(_ owner: Owner, _ digest: ContentDigest) {
        self.owner = owner
        self.digest = digest
    }
}
