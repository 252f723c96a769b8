// SPDX-License-Identifier: Apache-2.0

/// The URL of something that belongs to a session, and the signature that servers of this package may add to it.
///
/// A signature makes the URL usable by whoever has it, until it expires: `…?expires=1767225600&signature=…`. The same message has
/// another URL after each signing, so URLs are compared by their ``identity``.
///
/// ```swift
/// let old = SessionLink("https://a.example/sessions/s/history/0?expires=100&signature=\(first)")
/// let new = SessionLink("https://a.example/sessions/s/history/0?expires=900&signature=\(second)")
/// old.identity == new.identity  // true
/// new.outlives(old)             // true
/// ```
///
/// Only this form of a signature is known. URLs that others sign in their own way differ each time.
public struct SessionLink: Sendable, Hashable {
    /// The URL as it was given.
    public let url: String
    /// The URL without the signature and the mark of its origin. Two links of the same identity lead to the same thing.
    public let identity: String
    /// When the signature expires, in seconds since 1970. Nil if the URL is not signed.
    public let expires: Int?
    /// The signature, if the URL is signed.
    public let signature: String?
    /// The mark of the storage that keeps the thing, by which any server on it recognizes the URL. `nil` if there is none.
    public let origin: String?

    public init(_ url: String) {
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

    /// The URL with a signature.
    ///
    /// - Parameters:
    ///   - url: A URL without one.
    ///   - expires: In seconds since 1970.
    ///   - signature: 43 characters of base64url.
    public init(signing url: String, expires: Int, signature: String) {
        let separator = url.contains("?") ? "&" : "?"
        self.init("\(url)\(separator)\(Self.expiresName)=\(expires)&\(Self.signatureName)=\(signature)")
    }

    /// Whether this one can be used for longer: it is not signed, or its signature expires later.
    public func outlives(_ other: SessionLink) -> Bool {
        guard let theirs = other.expires else { return false }
        return expires.map { $0 > theirs } ?? true
    }

    /// The names of the two parameters.
    public static let expiresName = "expires"
    public static let signatureName = "signature"
    /// The name of the parameter that marks where a URL comes from: 22 characters of base64url.
    public static let originName = "acp-origin"
}

extension SessionDescriptor {
    /// When the first of its URLs expires, in seconds since 1970. Nil if none is signed.
    public var expires: Int? {
        (history + (state.map { [$0] } ?? [])).compactMap { SessionLink($0).expires }.min()
    }

    /// The same session with fresher signatures, where others know them.
    ///
    /// - Parameter others: Descriptors of the same session, from servers that keep parts of it.
    public func refreshed(by others: [SessionDescriptor]) -> SessionDescriptor {
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
    /// The value of a query's item, if it has that name.
    fileprivate func value(of name: String) -> Substring? {
        guard hasPrefix(name), dropFirst(name.count).first == "=" else { return nil }
        return dropFirst(name.count + 1)
    }

    /// Whether this has the form of a code in base64url.
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
