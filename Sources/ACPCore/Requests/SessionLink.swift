// SPDX-License-Identifier: Apache-2.0

/// The URL of a session's message or state, with the signature that servers of this package may add to it.
///
/// A signature grants access to anyone who has the URL, until the signature expires:
/// `…?expires=1767225600&signature=…`. Each signature changes the URL of the same message, so compare URLs by their
/// ``identity``.
///
/// ```swift
/// let old = SessionLink("https://a.example/sessions/s/history/0?expires=100&signature=\(first)")
/// let new = SessionLink("https://a.example/sessions/s/history/0?expires=900&signature=\(second)")
/// old.identity == new.identity  // true
/// new.outlives(old)             // true
/// ```
///
/// Only this form of a signature is recognized. URLs with signatures of other servers have a new identity each time.
package struct SessionLink: Sendable, Hashable {
    /// The whole URL.
    package let url: String
    /// The URL without the signature and the mark of its origin. Two links with the same identity lead to the same
    /// resource.
    package let identity: String
    /// When the signature expires, in seconds since 1970. If `nil`, the URL is not signed.
    package let expires: Int?
    /// The signature. If `nil`, the URL is not signed.
    package let signature: String?
    /// The mark of the storage that keeps the resource, by which all servers on that storage recognize the URL. If
    /// `nil`, the URL has no mark.
    package let origin: String?

    /// Creates a link from a URL, with or without a signature.
    package init(_ url: String) {
        self.url = url
        guard let start = url.firstIndex(where: { $0 == "?" || $0 == "#" }), url[start] == "?" else {
            (identity, expires, signature, origin) = (url, nil, nil, nil)
            return
        }
        let query = url[url.index(after: start)...].prefix { $0 != "#" }
        let items = query.split(separator: "&", omittingEmptySubsequences: false)
        func first<Value>(_ read: (Substring) -> Value?) -> (index: Int, value: Value)? {
            for (index, item) in items.enumerated() {
                if let value = read(item) { return (index, value) }
            }
            return nil
        }
        let origin = first { item in item.value(of: Self.originName).flatMap { $0.isBase64URL(count: 22) ? $0 : nil } }
        let expires = first { item in
            item.value(of: Self.expiresName).flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        }
        let signature = first { item in
            item.value(of: Self.signatureName).flatMap { $0.isBase64URL(count: 43) ? $0 : nil }
        }
        self.origin = origin.map { String($0.value) }
        var removed = Set(origin.map { [$0.index] } ?? [])
        if let expires, let signature {
            self.expires = expires.value
            self.signature = String(signature.value)
            removed.formUnion([expires.index, signature.index])
        } else {
            (self.expires, self.signature) = (nil, nil)
        }
        guard !removed.isEmpty else {
            identity = url
            return
        }
        let rest = items.indices.filter { !removed.contains($0) }.map { items[$0] }
        identity = url[..<start] + (rest.isEmpty ? "" : "?" + rest.joined(separator: "&")) + url[query.endIndex...]
    }

    /// Creates a link by adding a signature to a URL.
    ///
    /// - Parameters:
    ///   - url: A URL without a signature.
    ///   - expires: When the signature expires, in seconds since 1970.
    ///   - signature: The signature: 43 characters of base64url.
    package init(signing url: String, expires: Int, signature: String) {
        let separator = url.contains("?") ? "&" : "?"
        self.init("\(url)\(separator)\(Self.expiresName)=\(expires)&\(Self.signatureName)=\(signature)")
    }

    /// Returns whether this link can be used for longer than another one: it is not signed, or its signature expires
    /// later.
    package func outlives(_ other: SessionLink) -> Bool {
        guard let theirs = other.expires else { return false }
        return expires.map { $0 > theirs } ?? true
    }

    /// The name of the parameter with the time at which the signature expires.
    package static let expiresName = "expires"
    /// The name of the parameter with the signature.
    package static let signatureName = "signature"
    /// The name of the parameter with the mark of the origin: 22 characters of base64url.
    package static let originName = "acp-origin"
}

extension SessionDescriptor {
    /// When the first of the session's URLs expires, in seconds since 1970. If `nil`, none of them is signed.
    public var expires: Int? {
        (history + (state.map { [$0] } ?? [])).compactMap { SessionLink($0).expires }.min()
    }

    /// Returns the session with the newest signatures that are known for its URLs.
    ///
    /// - Parameter others: Descriptors of the same session from servers that keep parts of it.
    package func refreshed(by others: [SessionDescriptor]) -> SessionDescriptor {
        var freshest: [String: SessionLink] = [:]
        for url in others.flatMap({ $0.history + ($0.state.map { [$0] } ?? []) }) {
            let link = SessionLink(url)
            if let known = freshest[link.identity], !link.outlives(known) { continue }
            freshest[link.identity] = link
        }
        func fresh(_ url: String) -> String {
            let link = SessionLink(url)
            guard let other = freshest[link.identity], other.outlives(link) else { return url }
            return other.url
        }
        return SessionDescriptor(id: id, history: history.map(fresh), state: state.map(fresh))
    }
}

extension Substring {
    /// Returns the value of a query's item. If `nil`, the item has another name.
    fileprivate func value(of name: String) -> Substring? {
        guard hasPrefix(name), dropFirst(name.count).first == "=" else { return nil }
        return dropFirst(name.count + 1)
    }

    /// Returns whether the text consists of so many characters of base64url.
    fileprivate func isBase64URL(count: Int) -> Bool {
        utf8.count == count
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
