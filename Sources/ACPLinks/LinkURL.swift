// SPDX-License-Identifier: Apache-2.0

import ACPRuntime

/// A URL of HTTP, read so strictly that nobody else can read another host in it.
///
/// URLs have many spellings, and programs differ in what they make of the odd ones. So whatever is odd is refused here, and
/// what is requested is put together anew from the parts that were checked.
struct LinkURL: Sendable, Hashable {
    enum Scheme: String, Sendable, Hashable {
        case http
        case https

        var defaultPort: Int { self == .http ? 80 : 443 }
    }

    enum Host: Sendable, Hashable {
        /// In lower case, without a dot at its end.
        case name(String)
        case address(IPAddress)
    }

    let scheme: Scheme
    let host: Host
    let port: Int
    /// From the first slash on, without the query.
    let path: String
    /// Without the question mark. Nil if there is none.
    let query: String?

    /// - Throws: ``LinkError`` with code `invalidURL`.
    init(_ text: String) throws(LinkError) {
        func invalid(_ reason: String) -> LinkError {
            LinkError(.invalidURL, "\(LinkError.shown(text)) was not loaded: \(reason)")
        }
        guard text.utf8.count <= 8_192 else { throw invalid("the URL is longer than 8192 bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw invalid(
                "a URL has no spaces, backslashes, or characters that are not ASCII: write paths with %, hosts in Punycode (xn--…)"
            )
        }
        guard let separator = text.firstRange(of: "://"),
            let scheme = Scheme(rawValue: text[..<separator.lowerBound].lowercased())
        else { throw invalid("a URL that begins with http:// or https:// is expected") }
        let rest = text[separator.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { throw invalid("the URL names a user, and no credentials are sent") }
        let (host, port) = try Self.host(authority, invalid)
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.defaultPort
        let target = rest[authority.endIndex...]
        let path = target.prefix { $0 != "?" }
        self.path = path.isEmpty ? "/" : String(path)
        query = path.endIndex == target.endIndex ? nil : String(target[path.endIndex...].dropFirst())
    }

    /// A host and perhaps a port, as they stand in a URL.
    ///
    /// - Parameter invalid: Makes the error for a reason.
    static func host(
        _ authority: some StringProtocol, _ invalid: (String) -> LinkError
    ) throws(LinkError) -> (Host, port: Int?) {
        let text = authority.lowercased()
        var name = text[...]
        var digits: Substring?
        let isBracketed = text.hasPrefix("[")
        if isBracketed {
            guard let end = text.firstIndex(of: "]") else { throw invalid("the brackets around the host do not end") }
            name = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw invalid("something stands behind the host") }
            digits = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            name = text[..<colon]
            digits = text[text.index(after: colon)...]
        }
        var port: Int?
        if let digits, !digits.isEmpty {
            guard digits.utf8.count <= 5, digits.utf8.allSatisfy(isDigit), let number = Int(digits),
                (1...65_535).contains(number)
            else { throw invalid("its port does not exist: 1 to 65535 do") }
            port = number
        }
        if isBracketed {
            guard let address = IPAddress(name), case .v6 = address else {
                throw invalid("an IPv6 address is expected between brackets, without a zone")
            }
            return (.address(address), port)
        }
        if name.hasSuffix(".") { name = name.dropLast() }
        if let address = IPAddress(name) { return (.address(address), port) }
        guard isName(name) else {
            throw invalid(
                "it does not name a host in the usual way: a name, or an address like 192.0.2.1 or [2001:db8::1], is expected"
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
        // Where the last part is a number, systems take the whole for an address in a spelling of old: 127.1, 0x7f.1.
        guard let last = labels.last, !last.utf8.allSatisfy(isDigit) else { return false }
        return !(last.hasPrefix("0x") && last.dropFirst(2).allSatisfy(\.isHexDigit))
    }

    /// The URL that a redirect leads to.
    ///
    /// - Throws: ``LinkError``: `redirected` if it leads to another host, or away from https.
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
    /// The whole URL, as it is requested. It may hold a secret in its query.
    var description: String { origin + path + (query.map { "?\($0)" } ?? "") }

    /// The URL as it may be shown.
    var shown: String { LinkError.shown(description) }

    /// Scheme, host and port.
    var origin: String { "\(scheme.rawValue)://\(hostText)\(port == scheme.defaultPort ? "" : ":\(port)")" }

    /// The host, as it stands in a URL.
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
