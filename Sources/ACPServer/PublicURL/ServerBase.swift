// SPDX-License-Identifier: Apache-2.0

/// A URL that a server's paths are appended to, in one spelling: scheme and host in lower case, without the port that the scheme
/// implies, without a slash at the end. Two of them are equal when they lead to the same place.
struct ServerBase: Sendable, Hashable, CustomStringConvertible {
    let description: String

    /// Nil if the text is no URL of that kind.
    init?(_ text: String) {
        guard let url = SplitURL(text), url.tail.isEmpty, Self.isPath(url.path) else { return nil }
        var path = url.path
        while path.hasSuffix("/") { path.removeLast() }
        description = url.origin + path
    }

    /// - Parameters:
    ///   - authority: Host and port, as requests name them.
    ///   - prefix: A path that a proxy takes off, or nothing.
    init?(scheme: String, authority: String, prefix: String = "") {
        self.init("\(scheme)://\(authority)\(prefix)")
    }

    /// Stands in where a request does not say whom it calls.
    static let unknown = ServerBase(verbatim: "http://localhost")

    private init(verbatim text: String) { description = text }

    /// What stands behind this base in a URL, beginning with a slash. Nil if the URL is not below it.
    func path(of url: String) -> String? {
        guard let url = SplitURL(url) else { return nil }
        let rest = url.origin + url.path
        guard rest.hasPrefix(description) else { return nil }
        let path = rest.dropFirst(description.count)
        return path.hasPrefix("/") ? String(path) : nil
    }

    /// The path of a URL of http or https. Nil if it is none.
    static func path(ofAny url: String) -> String? { SplitURL(url).map { String($0.path) } }

    /// Whether this could stand in a URL as it is, and means what it says.
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

/// A URL of http or https in three pieces.
private struct SplitURL {
    /// Scheme, host and port in the spelling that is compared.
    let origin: String
    let path: Substring
    /// The query and the fragment.
    let tail: Substring

    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon].lowercased()
        let rest = text[colon...]
        guard scheme == "http" || scheme == "https", rest.hasPrefix("://") else { return nil }
        let behindScheme = rest.dropFirst(3)
        let authority = behindScheme.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let authority = Self.normalized(authority.lowercased(), scheme: scheme) else { return nil }
        let behindAuthority = behindScheme.drop { $0 != "/" && $0 != "?" && $0 != "#" }
        origin = "\(scheme)://\(authority)"
        path = behindAuthority.prefix { $0 != "?" && $0 != "#" }
        tail = behindAuthority[path.endIndex...]
    }

    /// Host and port, the port only if it is not the scheme's own. Nil if it is none, or holds a user name.
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
