// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// Marks the URLs of what a storage keeps, and recognizes them when they come back, whatever name the server was called by.
///
/// Processes on one storage may be called by different names, and one process by several. The mark in a URL is a code over what it
/// leads to, made with a key that is stored with the session and never leaves the storage. A server that keeps another session
/// under the same id has another key, so its URLs are not mistaken. Nobody without the key can mark a URL. A mark lets
/// nobody read anything: it only says where a URL comes from.
struct OriginMark: Sendable {
    private let key: SymmetricKey

    /// - Parameter key: The key of the session whose descriptor holds the URLs.
    init(_ key: String) { self.key = SymmetricKey(data: Array(key.utf8)) }

    /// The mark in the URL of a resource.
    func mark(of resource: SessionResource) -> String {
        let text = Data("acp-origin\n\(resource.path)".utf8)
        return Array(HMAC<SHA256>.authenticationCode(for: text, using: key)).prefix(16).base64URL
    }

    /// The resource that a URL leads to, below whatever base, if the URL carries its mark.
    func resource(of url: String) -> SessionResource? {
        guard let origin = SessionLink(url).origin, let resource = SessionResource(endOf: url),
            isEqualInConstantTime(Array(mark(of: resource).utf8), Array(origin.utf8))
        else { return nil }
        return resource
    }
}

extension SessionResource {
    /// The resource at the end of a URL's path, whatever precedes it.
    fileprivate init?(endOf url: String) {
        guard let path = ServerBase.path(ofAny: url) else { return nil }
        self.init(endOfPath: path)
    }

    /// The resource at the end of a path, whatever precedes it: a proxy's prefix, or the group of a router.
    init?(endOfPath path: String) {
        guard let start = path.range(of: "/sessions/", options: .backwards) else { return nil }
        self.init(path: String(path[start.lowerBound...]))
    }
}
