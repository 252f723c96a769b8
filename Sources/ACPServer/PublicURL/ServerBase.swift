// SPDX-License-Identifier: Apache-2.0

/// A URL to which a server's paths are appended, in normalized form: scheme and host in lower case, without the default
/// port of the scheme, without a slash at the end. Base URLs of the same server are equal.
struct ServerBase: Sendable, Hashable, CustomStringConvertible {
    let description: String

    /// Returns `nil` if the text is not a URL of HTTP or HTTPS, or has a user name, a query or a fragment.
    init?(_ text: String) {
        guard let url = SplitURL(text), url.tail.isEmpty, Self.isPath(url.path) else { return nil }
        var path = url.path
        while path.hasSuffix("/") { path.removeLast() }
        description = url.origin + path
    }

    /// - Parameters:
    ///   - authority: Host and port, as in a request.
    ///   - prefix: A path that a proxy removes. Defaults to none.
    init?(scheme: String, authority: String, prefix: String = "") {
        self.init("\(scheme)://\(authority)\(prefix)")
    }

    /// The base URL for requests that do not name a host.
    static let unknown = ServerBase(verbatim: "http://localhost")

    private init(verbatim text: String) { description = text }

    /// Returns the path of a URL after this base, beginning with a slash, or `nil` if the URL is not below this base.
    func path(of url: String) -> String? {
        guard let url = SplitURL(url) else { return nil }
        let rest = url.origin + url.path
        guard rest.hasPrefix(description) else { return nil }
        let path = rest.dropFirst(description.count)
        return path.hasPrefix("/") ? String(path) : nil
    }

    /// Returns the path of a URL of HTTP or HTTPS, or `nil` if the text is not such a URL.
    static func path(ofAny url: String) -> String? { SplitURL(url).map { String($0.path) } }

    /// Whether a path can be part of a URL unchanged, and has no `.` and `..` segments.
    private static func isPath(_ path: Substring) -> Bool {
        path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/-._~%!$&'()*+,;=:@".utf8.contains(byte)
            }
        } && !path.split(separator: "/").contains { $0 == "." || $0 == ".." } && !path.hasPrefix("//")
    }
}

/// A URL of HTTP or HTTPS, split into origin, path and the rest.
private struct SplitURL {
    /// Scheme, host and port in normalized form.
    let origin: String
    let path: Substring
    /// The query and the fragment.
    let tail: Substring

    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon].lowercased()
        let rest = text[colon...]
        guard scheme == "http" || scheme == "https", rest.hasPrefix("://") else { return nil }
        let afterScheme = rest.dropFirst(3)
        let authority = afterScheme.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let authority = Self.normalized(authority.lowercased(), scheme: scheme) else { return nil }
        let afterAuthority = afterScheme.drop { $0 != "/" && $0 != "?" && $0 != "#" }
        origin = "\(scheme)://\(authority)"
        path = afterAuthority.prefix { $0 != "?" && $0 != "#" }
        tail = afterAuthority[path.endIndex...]
    }

    /// Returns host and port, without the scheme's default port, or `nil` if they are not valid or contain a user name.
    private static func normalized(_ authority: String, scheme: String) -> String? {
        guard !authority.isEmpty, authority.utf8.count <= 300 else { return nil }
        let host: Substring
        let end: Substring
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            host = authority[...bracket]
            end = authority[bracket...].dropFirst()
            guard host.utf8.dropFirst().dropLast().allSatisfy({ "0123456789abcdef:.".utf8.contains($0) }) else {
                return nil
            }
        } else {
            host = authority.prefix { $0 != ":" }
            end = authority[host.endIndex...]
            guard
                host.utf8.allSatisfy({ byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                    default: "-._~".utf8.contains(byte)
                    }
                })
            else { return nil }
        }
        guard !host.isEmpty else { return nil }
        if end.isEmpty { return String(host) }
        guard end.first == ":", end.utf8.count <= 6, let port = UInt16(end.dropFirst()), port > 0 else { return nil }
        return port == (scheme == "https" ? 443 : 80) ? String(host) : "\(host):\(port)"
    }
}
