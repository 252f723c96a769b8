// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation

/// The URL to which a server's paths are appended.
package struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    /// The URL without a slash at the end.
    package let description: String
    /// Scheme, host and port. Credentials are sent only to URLs of the same origin.
    package let origin: String

    /// - Parameters:
    ///   - text: The URL.
    ///   - server: The kind of server in errors, with its article.
    package init(_ text: String, of server: String = "an ACP server") throws(ACPClientError) {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty else {
            throw ACPClientError(.invalidURL, "the URL is empty: use one such as http://127.0.0.1:8000")
        }
        if let fault = Self.hostFault(in: text) { throw ACPClientError(.invalidURL, fault) }
        guard let components = URLComponents(string: text) else {
            throw ACPClientError(.invalidURL, "this is not a URL: use one such as http://127.0.0.1:8000")
        }
        // Errors contain the text only after this check, since it may contain a password.
        guard components.user == nil, components.password == nil else {
            throw ACPClientError(
                .invalidURL, "the URL contains a user name or a password: use a bearer token or a header instead")
        }
        guard let scheme = components.scheme?.lowercased(), scheme == "http" || scheme == "https" else {
            let remedy = text.contains("://") ? "http and https are supported" : "begin it with http:// or https://"
            throw ACPClientError(.invalidURL, "\"\(text)\" is not the URL of \(server): \(remedy)")
        }
        guard let host = components.host, !host.isEmpty else {
            throw ACPClientError(.invalidURL, "\"\(text)\" has no host")
        }
        if let port = components.port, !(1...65535).contains(port) {
            throw ACPClientError(.invalidURL, "the port of \"\(text)\" is not a number from 1 to 65535")
        }
        guard components.query == nil, components.fragment == nil else {
            throw ACPClientError(
                .invalidURL,
                "\"\(text)\" has a query or a fragment: use the URL to which the server's paths are appended")
        }
        var path = components.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        let port = components.port.map { ":\($0)" } ?? ""
        let encodedHost = components.percentEncodedHost ?? host
        origin = "\(scheme)://\(encodedHost.lowercased())\(port)"
        description = origin + path
    }

    /// Returns what is wrong with a host that `URLComponents` would reject without a reason, or misread. The text does
    /// not contain the URL, which may contain a password.
    private static func hostFault(in text: String) -> String? {
        guard let scheme = text.range(of: "://") else { return nil }
        let authority = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        if host.hasPrefix("[") {
            guard host.contains("%") else { return nil }
            return
                "the URL has an IPv6 address with a zone (%), which HTTP does not support: use a name or another address of the host"
        }
        guard host.count(where: { $0 == ":" }) > 1 else { return nil }
        return "an IPv6 address must be in brackets in a URL, as in http://[::1]:8000"
    }

    /// Host and port, for messages.
    package var authority: String { String(origin.drop { $0 != "/" }.drop { $0 == "/" }) }

    /// Whether a URL has the same origin, so that the token may be sent to it.
    package func isSameOrigin(as url: String) -> Bool {
        guard let components = URLComponents(string: url), components.user == nil,
            let scheme = components.scheme?.lowercased(),
            let host = components.percentEncodedHost?.lowercased()
        else { return false }
        let port = components.port.map { ":\($0)" } ?? ""
        return origin == "\(scheme)://\(host)\(port)"
    }

    /// Returns the absolute form of a reference in a response, or `nil` if it is not a URL of HTTP.
    func resolve(_ reference: String) -> String? {
        guard let base = URL(string: description + "/"), let url = URL(string: reference, relativeTo: base),
            let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https", url.host != nil
        else { return nil }
        return url.absoluteString
    }
}
