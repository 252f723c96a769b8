// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import NIOCore

extension ServerBase {
    /// Creates the URL at which the sender of a request reaches the server.
    ///
    /// - Parameters:
    ///   - request: The request's head.
    ///   - isProxyTrusted: Whether a trusted proxy has sent the request, so that its forwarding headers are applied.
    ///   - isSecure: Whether the server itself serves HTTPS. Defaults to `false`.
    init?(of request: HTTPRequest, isProxyTrusted: Bool, isSecure: Bool = false) {
        let forwarded = isProxyTrusted ? Forwarded(request.headerFields) : Forwarded()
        let scheme = forwarded.scheme ?? (isSecure ? "https" : "http")
        guard let host = forwarded.host ?? request.authority else { return nil }
        if let prefix = forwarded.prefix, let base = ServerBase(scheme: scheme, authority: host, prefix: prefix) {
            self = base
        } else {
            self.init(scheme: scheme, authority: host)
        }
    }
}

/// The forwarding headers of a proxy: `X-Forwarded-Proto`, `-Host` and `-Prefix`, or `Forwarded` (RFC 7239).
///
/// Where several proxies have appended to a field, the last value applies: that of the proxy that is connected.
struct Forwarded: Equatable {
    var scheme: String?
    var host: String?
    var prefix: String?

    init() {}

    init(_ fields: HTTPFields) {
        let standard = Self.lastElement(fields[values: .forwarded])
        scheme = (Self.last(fields[values: .xForwardedProto]) ?? standard["proto"])?.lowercased()
        if scheme != "http", scheme != "https" { scheme = nil }
        host = Self.last(fields[values: .xForwardedHost]) ?? standard["host"]
        // An invalid host would make the whole base URL invalid.
        if let named = host, ServerBase(scheme: "http", authority: named) == nil { host = nil }
        prefix = Self.last(fields[values: .xForwardedPrefix])
        if let path = prefix, !path.hasPrefix("/") { prefix = nil }
    }

    /// Returns the addresses that proxies have appended to `X-Forwarded-For`, or else to `Forwarded`, the nearest last.
    /// Texts that are not addresses are omitted.
    static func addresses(_ fields: HTTPFields) -> [SocketAddress] {
        let texts = fields[values: .xForwardedFor].flatMap { $0.split(separator: ",") }.map { String($0.trimmed) }
        let named =
            texts.isEmpty
            ? fields[values: .forwarded].flatMap { $0.splitOutsideQuotes(",") }
                .compactMap { lastElement([String($0)])["for"] }
            : texts
        return named.compactMap(address)
    }

    /// Returns an address, with or without a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`.
    private static func address(_ text: String) -> SocketAddress? {
        var host = text[...]
        if host.hasPrefix("[") {
            host = host.dropFirst().prefix { $0 != "]" }
        } else if host.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1 {
            host = host.prefix { $0 != ":" }
        }
        return try? SocketAddress(ipAddress: String(host), port: 0)
    }

    private static func last(_ values: [String]) -> String? {
        guard let value = values.last?.split(separator: ",").last else { return nil }
        let text = value.trimmed
        return text.isEmpty ? nil : String(text)
    }

    /// The parameters of the last element of `Forwarded`: `for=192.0.2.60;proto=https;host="a.example:8443"`.
    private static func lastElement(_ values: [String]) -> [String: String] {
        var parameters: [String: String] = [:]
        guard let element = values.last?.splitOutsideQuotes(",").last else { return parameters }
        for pair in element.splitOutsideQuotes(";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            var value = parts[1].trimmed
            if value.count >= 2, value.first == "\"", value.last == "\"" { value = value.dropFirst().dropLast() }
            parameters[parts[0].trimmed.lowercased()] = String(value)
        }
        return parameters
    }
}

extension HTTPField.Name {
    fileprivate static let forwarded = HTTPField.Name(known: "Forwarded")
    fileprivate static let xForwardedFor = HTTPField.Name(known: "X-Forwarded-For")
    fileprivate static let xForwardedProto = HTTPField.Name(known: "X-Forwarded-Proto")
    fileprivate static let xForwardedHost = HTTPField.Name(known: "X-Forwarded-Host")
    fileprivate static let xForwardedPrefix = HTTPField.Name(known: "X-Forwarded-Prefix")
}

extension StringProtocol {
    /// The text without spaces and tabs at both ends.
    fileprivate var trimmed: SubSequence {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return text
    }

    fileprivate func splitOutsideQuotes(_ separator: Character) -> [SubSequence] {
        var isQuoted = false
        return split(omittingEmptySubsequences: false) { character in
            if character == "\"" { isQuoted.toggle() }
            return character == separator && !isQuoted
        }
    }
}
