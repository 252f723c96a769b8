// SPDX-License-Identifier: Apache-2.0

import ACPRuntime

/// A URL of HTTP, parsed so strictly that no other parser can find another host in it.
///
/// Parsers differ in how they read unusual URLs. Therefore unusual URLs are rejected, and the requested URL is composed
/// of the checked parts.
struct LinkURL: Sendable, Hashable {
    enum Scheme: String, Sendable, Hashable {
        case http
        case https

        var defaultPort: Int { self == .http ? 80 : 443 }
    }

    enum Host: Sendable, Hashable {
        /// A name in lower case, without a trailing dot.
        case name(String)
        case address(IPAddress)
    }

    let scheme: Scheme
    let host: Host
    let port: Int
    /// The path, which begins with a slash.
    let path: String
    /// The query without the question mark, or `nil` if the URL has none.
    let query: String?

    /// Parses a URL.
    ///
    /// - Throws: ``LinkError`` with code `invalidURL`.
    init(_ text: String) throws(LinkError) {
        try self.init(text) { LinkError(.invalidURL, "\(LinkError.shown(text)) was not loaded: \($0)") }
    }

    /// Parses a URL.
    ///
    /// - Parameter invalid: Creates the error for a reason.
    init(_ text: String, invalid: (String) -> LinkError) throws(LinkError) {
        guard text.utf8.count <= 8_192 else { throw invalid("the URL is longer than 8192 bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw invalid(
                "a URL must not contain spaces, backslashes or non-ASCII characters: percent-encode paths, and write hosts in Punycode (xn--…)"
            )
        }
        guard let separator = text.firstRange(of: "://"),
            let scheme = Scheme(rawValue: text[..<separator.lowerBound].lowercased())
        else { throw invalid("expected a URL that begins with http:// or https://") }
        let rest = text[separator.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else {
            throw invalid("the URL contains a user name, and no credentials are sent")
        }
        let (host, port) = try Self.host(authority, invalid)
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.defaultPort
        let target = rest[authority.endIndex...]
        let path = target.prefix { $0 != "?" }
        self.path = path.isEmpty ? "/" : String(path)
        query = path.endIndex == target.endIndex ? nil : String(target[path.endIndex...].dropFirst())
    }

    /// Parses the host and the optional port of a URL.
    ///
    /// - Parameter invalid: Creates the error for a reason.
    static func host(
        _ authority: some StringProtocol, _ invalid: (String) -> LinkError
    ) throws(LinkError) -> (Host, port: Int?) {
        let text = authority.lowercased()
        var name = text[...]
        var digits: Substring?
        let isBracketed = text.hasPrefix("[")
        if isBracketed {
            guard let end = text.firstIndex(of: "]") else { throw invalid("the bracket before the host is not closed") }
            name = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw invalid("the host is followed by unexpected characters")
            }
            digits = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            name = text[..<colon]
            digits = text[text.index(after: colon)...]
        }
        var port: Int?
        if let digits, !digits.isEmpty {
            guard digits.utf8.count <= 5, digits.utf8.allSatisfy(isDigit), let number = Int(digits),
                (1...65_535).contains(number)
            else { throw invalid("its port is not a number from 1 to 65535") }
            port = number
        }
        if isBracketed {
            guard let address = IPAddress(name), case .v6 = address else {
                throw invalid("expected an IPv6 address without a zone between the brackets")
            }
            return (.address(address), port)
        }
        if name.hasSuffix(".") { name = name.dropLast() }
        if let address = IPAddress(name) { return (.address(address), port) }
        guard isName(name) else {
            throw invalid(
                "its host is not valid: expected a name, or an address such as 192.0.2.1 or [2001:db8::1]"
            )
        }
        return (.name(String(name)), port)
    }

    private static func isName(_ text: Substring) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        for label in labels {
            guard (1...63).contains(label.utf8.count), label.utf8.allSatisfy(isNameCharacter) else { return false }
        }
        // If the last label is a number, systems read the name as an address in an old notation: 127.1, 0x7f.1.
        guard let last = labels.last, !last.utf8.allSatisfy(isDigit) else { return false }
        return !(last.hasPrefix("0x") && last.dropFirst(2).allSatisfy(\.isHexDigit))
    }

    /// Returns the target of a redirect.
    ///
    /// - Throws: ``LinkError`` with code `redirected` if it leads to another host, or from https to http.
    func redirected(to location: String) throws(LinkError) -> LinkURL {
        let text: String
        if location.hasPrefix("//") {
            text = "\(scheme.rawValue):\(location)"
        } else if location.hasPrefix("/") {
            text = origin + location
        } else if location.hasPrefix("?") {
            text = origin + path + location
        } else if location.prefix(while: { $0 != "/" && $0 != "?" && $0 != "#" }).contains(":") {
            text = location
        } else {
            text = origin + path[...(path.lastIndex(of: "/") ?? path.startIndex)] + location
        }
        let target = try LinkURL(text)
        guard target.host == host else {
            throw LinkError(
                .redirected,
                "\(shown) was not loaded: it redirects to another host (\(target.hostText)), which is not followed")
        }
        guard scheme == .http || target.scheme == .https else {
            throw LinkError(
                .redirected, "\(shown) was not loaded: it redirects from https to http, which is not followed")
        }
        return target
    }
}

extension LinkURL: CustomStringConvertible {
    /// The whole URL for the request. Its query may contain a secret.
    var description: String { origin + path + (query.map { "?\($0)" } ?? "") }

    /// The URL for errors and logs, without its query.
    var shown: String { LinkError.shown(description) }

    /// Scheme, host and port.
    var origin: String { "\(scheme.rawValue)://\(hostText)\(port == scheme.defaultPort ? "" : ":\(port)")" }

    /// The host in the form that URLs use.
    var hostText: String {
        switch host {
        case .name(let name): name
        case .address(.v4(let address)): "\(IPAddress.v4(address))"
        case .address(let address): "[\(address)]"
        }
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

private func isNameCharacter(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: "_")
}
