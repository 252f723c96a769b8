// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation

/// The URL that a server's paths are appended to.
struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    /// Without a slash at the end.
    let description: String
    /// Scheme, host and port: what decides whether a credential may be sent.
    let origin: String

    init(_ text: String) throws(ACPClientError) {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty else {
            throw ACPClientError(.invalidURL, "the URL is empty: give one such as http://127.0.0.1:8000")
        }
        if let fault = Self.hostFault(in: text) { throw ACPClientError(.invalidURL, fault) }
        guard let components = URLComponents(string: text) else {
            throw ACPClientError(.invalidURL, "this is not a URL: give one such as http://127.0.0.1:8000")
        }
        // From here on the text is not shown before it is certain that it holds no password.
        guard components.user == nil, components.password == nil else {
            throw ACPClientError(
                .invalidURL, "the URL holds a user name or a password: use a bearer token or a header instead")
        }
        guard let scheme = components.scheme?.lowercased(), scheme == "http" || scheme == "https" else {
            let remedy = text.contains("://") ? "http and https are supported" : "begin it with http:// or https://"
            throw ACPClientError(.invalidURL, "\"\(text)\" is no URL of an ACP server: \(remedy)")
        }
        guard let host = components.host, !host.isEmpty else {
            throw ACPClientError(.invalidURL, "\"\(text)\" names no host")
        }
        if let port = components.port, !(1...65535).contains(port) {
            throw ACPClientError(.invalidURL, "\"\(text)\" has a port that does not exist: 1 to 65535 do")
        }
        guard components.query == nil, components.fragment == nil else {
            throw ACPClientError(
                .invalidURL, "\"\(text)\" has a query or a fragment: give the URL that the server's paths begin with")
        }
        var path = components.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        let port = components.port.map { ":\($0)" } ?? ""
        let encodedHost = components.percentEncodedHost ?? host
        origin = "\(scheme)://\(encodedHost.lowercased())\(port)"
        description = origin + path
    }

    /// What is wrong with the address in a URL that `URLComponents` would refuse without a reason, or misread. Does not show the URL,
    /// which may hold a password.
    private static func hostFault(in text: String) -> String? {
        guard let scheme = text.range(of: "://") else { return nil }
        let authority = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        if host.hasPrefix("[") {
            guard host.contains("%") else { return nil }
            return
                "the URL has an IPv6 address with a zone (%), which HTTP cannot use: give a name or another address of the host"
        }
        guard host.count(where: { $0 == ":" }) > 1 else { return nil }
        return "an IPv6 address must be in brackets in a URL, as in http://[::1]:8000"
    }

    /// Host and port, for people.
    var authority: String { String(origin.drop { $0 != "/" }.drop { $0 == "/" }) }

    /// Whether a URL leads to the server that this one names, so that the token may be sent there.
    func isSameOrigin(as url: String) -> Bool {
        guard let components = URLComponents(string: url), components.user == nil,
            let scheme = components.scheme?.lowercased(),
            let host = components.percentEncodedHost?.lowercased()
        else { return false }
        let port = components.port.map { ":\($0)" } ?? ""
        return origin == "\(scheme)://\(host)\(port)"
    }

    /// The absolute form of a reference that a server gave, or nil if it leads nowhere.
    func resolve(_ reference: String) -> String? {
        guard let base = URL(string: description + "/"), let url = URL(string: reference, relativeTo: base),
            let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https", url.host != nil
        else { return nil }
        return url.absoluteString
    }
}
