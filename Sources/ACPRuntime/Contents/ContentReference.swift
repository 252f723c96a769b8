// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Crypto

/// What stands in a stored part in the place of its content: the `content_url` `acp-content:DIGEST:SIZE`.
///
/// The digest is that of the content as it is stored: the text between the quotes of the JSON string. So documents that have the
/// same content refer to the same bytes, and bytes can be taken out of a document and put back without decoding it.
///
/// A URL of somebody's own that begins with `acp-content:` is stored as `acp-content:own:…`, which is no reference, and gets its
/// own form back when it is read. So nobody can send a reference, nor lose a URL that looks like one.
struct ContentReference: Hashable {
    static let scheme = "acp-content:"
    static let ownMark = "own:"

    let digest: ContentDigest
    /// How many bytes the stored content has.
    let size: Int

    init(digest: ContentDigest, size: Int) {
        self.digest = digest
        self.size = size
    }

    /// The reference to a content that is to be stored.
    init(to content: some Collection<UInt8>) {
        var hash = SHA256()
        if content.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }) == nil {
            hash.update(data: Array(content))
        }
        digest = ContentDigest(hash: hash.finalize())
        size = content.count
    }

    /// Reads what follows the scheme in a URL. Nil if it is no reference.
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
