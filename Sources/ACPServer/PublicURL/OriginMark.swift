// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// Marks the URLs of stored resources, so that they are recognized when a client sends them back under another host
/// name.
///
/// Processes that share a storage may have different host names, and one process may have several. The mark in a URL is
/// a message authentication code of the resource's path. Its key is stored with the session and never leaves the
/// storage. A server that stores another session under the same id has another key, so that its URLs do not match.
/// Marks cannot be forged without the key. A mark does not grant access: it only identifies the origin of a URL.
struct OriginMark: Sendable {
    private let key: SymmetricKey

    /// - Parameter key: The key of the session whose descriptor contains the URLs.
    init(_ key: String) { self.key = SymmetricKey(data: Array(key.utf8)) }

    /// Returns the mark for the URL of a resource.
    func mark(of resource: SessionResource) -> String {
        let text = Data("acp-origin\n\(resource.path)".utf8)
        return Array(HMAC<SHA256>.authenticationCode(for: text, using: key)).prefix(16).base64URL
    }

    /// Returns the resource of a URL below any base, or `nil` if the URL does not have the resource's mark.
    func resource(of url: String) -> SessionResource? {
        guard let origin = SessionLink(url).origin, let resource = SessionResource(endOf: url),
            isEqualInConstantTime(Array(mark(of: resource).utf8), Array(origin.utf8))
        else { return nil }
        return resource
    }
}

extension SessionResource {
    /// Creates the resource at the end of a URL's path, whatever precedes it.
    fileprivate init?(endOf url: String) {
        guard let path = ServerBase.path(ofAny: url) else { return nil }
        self.init(endOfPath: path)
    }

    /// Creates the resource at the end of a path, whatever precedes it: a proxy's prefix, or the path of a router
    /// group.
    init?(endOfPath path: String) {
        guard let start = path.range(of: "/sessions/", options: .backwards) else { return nil }
        self.init(path: String(path[start.lowerBound...]))
    }
}
