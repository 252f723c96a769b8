// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Crypto

/// A reference in place of a content in a stored part: the `content_url` `acp-content:DIGEST:SIZE`.
///
/// The digest is that of the content as it is stored: the text between the quotes of the JSON string. So documents with
/// the same content refer to the same bytes, and contents can be replaced in a document and restored without decoding
/// it.
///
/// A caller's URL that starts with `acp-content:` is stored as `acp-content:own:…`, which is not a reference, and is
/// restored when it is read. So callers can neither send a reference, nor lose a URL that looks like one.
struct ContentReference: Hashable {
    static let scheme = "acp-content:"
    static let escapePrefix = "own:"

    let digest: ContentDigest
    /// The number of bytes of the stored content.
    let size: Int

    init(digest: ContentDigest, size: Int) {
        self.digest = digest
        self.size = size
    }

    /// Creates the reference to a content.
    init(to content: some Collection<UInt8>) {
        var hash = SHA256()
        if content.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }) == nil {
            hash.update(data: Array(content))
        }
        digest = ContentDigest(hash: hash.finalize())
        size = content.count
    }

    /// Parses what follows the scheme in a URL. `nil` if it is not a reference.
    init?(_ rest: some Collection<UInt8>) {
        guard rest.count > 65, rest.count <= 65 + 18,
            let digest = ContentDigest(rawValue: String(decoding: rest.prefix(64), as: UTF8.self)),
            rest.dropFirst(64).first == UInt8(ascii: ":")
        else { return nil }
        let digits = rest.dropFirst(65)
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let size = Int(String(decoding: digits, as: UTF8.self))
        else { return nil }
        self.init(digest: digest, size: size)
    }

    var url: String { "\(Self.scheme)\(digest):\(size)" }
}
