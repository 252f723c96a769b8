// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A large content that the documents of a run, or of a session's history, refer to instead of containing it.
///
/// A content is passed with the commit or the block that refers to it first (``RunCommit/contents``,
/// ``HistoryBlock/contents``), is stored in the same atomic step, and then belongs to that run or session: it is
/// deleted and expires together with it. So references need not be counted, no content is left behind, and no reference
/// outlives its content. A run and its session each have a copy of the content, since either may be deleted, or expire,
/// before the other.
///
/// To a backend, a content is bytes with a digest. Only the writer interprets them.
public struct StoredContent: Sendable, Hashable {
    /// The digest that identifies the content. Equal digests mean equal bytes: storing a content again changes nothing.
    public var digest: ContentDigest
    /// The bytes of the content.
    public var bytes: [UInt8]

    /// Creates a content.
    public init(digest: ContentDigest, bytes: [UInt8]) {
        self.digest = digest
        self.bytes = bytes
    }
}

/// The SHA-256 digest of a content, as 64 lower-case hexadecimal digits.
public struct ContentDigest: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The hexadecimal digits.
    public let rawValue: String

    /// Creates a digest. Returns `nil` if the text does not consist of 64 lower-case hexadecimal digits.
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

    /// Creates a digest from its 32 bytes.
    package init(hash: some Sequence<UInt8>) {
        let digits = Array("0123456789abcdef".unicodeScalars)
        var text = String.UnicodeScalarView()
        for byte in hash {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        rawValue = String(text)
    }

    /// The hexadecimal digits.
    public var description: String { rawValue }
}

/// The key of a stored content: its owner and its digest.
public struct ContentKey: Sendable, Hashable {
    /// The owner of a content.
    public enum Owner: Sendable, Hashable {
        /// The content belongs to a run.
        case run(RunID)
        /// The content belongs to the history of a session.
        case session(SessionID)
    }

    /// The owner of the content.
    public var owner: Owner
    /// The digest of the content.
    public var digest: ContentDigest

    /// Creates a key.
    public init(_ owner: Owner, _ digest: ContentDigest) {
        self.owner = owner
        self.digest = digest
    }
}
