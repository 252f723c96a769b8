// SPDX-License-Identifier: Apache-2.0

/// Which web pages may use an ``ACPServer``, and under which host names it can be reached.
///
/// Browsers send requests to any server that a page names, with the network access of the person who has opened the
/// page. Therefore a server refuses requests of pages of other origins that could change something, and a server that
/// listens on a loopback address refuses requests for other host names.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.browsers.allowedOrigins = ["https://app.example.com", "http://localhost:5173"]
/// ```
public struct BrowserConfiguration: Sendable, Hashable {
    /// The origins whose pages may use the server, such as `https://app.example.com`. The server's own origin does not
    /// have to be listed.
    ///
    /// Pages of these origins can send all requests and read all responses (CORS). `*` is not supported, since any page
    /// could then use a server on its reader's machine. Defaults to none.
    public var allowedOrigins: [String]
    /// Whether browsers may send cookies and other stored credentials with the requests of allowed origins. Bearer
    /// tokens do not require it. Defaults to `false`.
    public var allowsCredentials: Bool
    /// How long browsers may use the response to a preflight request again. Defaults to 10 minutes.
    public var preflightLifetime: Duration
    /// The host names and addresses, without a port, under which the server can be reached. Requests with another
    /// `Host` are rejected with 421.
    ///
    /// If ``ServerConfiguration/host`` is a loopback address, they are accepted in addition to loopback names and
    /// addresses, so that a host name that leads to this machine by a forged DNS response is not accepted. If it is
    /// another address, all names are accepted unless there is at least one in this list. The host of
    /// ``ServerConfiguration/publicURL`` is always accepted, and so are requests of
    /// ``ServerConfiguration/trustedProxies`` and health checks. Routes that are added to another application do not know
    /// its address: there, names are checked only if there is at least one in this list. Defaults to none.
    public var allowedHosts: [String]

    /// Creates a configuration. The parameters have the defaults that the properties document.
    public init(
        allowedOrigins: [String] = [],
        allowsCredentials: Bool = false,
        preflightLifetime: Duration = .seconds(600),
        allowedHosts: [String] = []
    ) {
        self.allowedOrigins = allowedOrigins
        self.allowsCredentials = allowsCredentials
        self.preflightLifetime = preflightLifetime
        self.allowedHosts = allowedHosts
    }

    /// - Throws: ``ServerError`` with code `invalidConfiguration`.
    func validate() throws(ServerError) {
        for origin in allowedOrigins where Self.normalizedOrigin(origin) == nil {
            throw .invalidConfiguration(
                "browsers.allowedOrigins contains \"\(origin.prefix(100))\": list origins without a path, such as https://app.example.com; * is not supported"
            )
        }
        for host in allowedHosts where Self.normalizedHost(host) == nil {
            throw .invalidConfiguration(
                "browsers.allowedHosts contains \"\(host.prefix(100))\": list names and addresses without scheme, port and path, such as agents.example.com or [fd00::1]"
            )
        }
        guard preflightLifetime >= .zero else {
            throw .invalidConfiguration("browsers.preflightLifetime must not be negative")
        }
    }

    /// Returns an origin as browsers send it, or `nil` if the text is not an origin.
    static func normalizedOrigin(_ text: String) -> String? {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound].lowercased()
        guard let first = scheme.utf8.first, first.isLetter,
            scheme.utf8.allSatisfy({ $0.isLetter || $0.isDigit || "+-.".utf8.contains($0) })
        else { return nil }
        if scheme == "http" || scheme == "https" {
            guard let base = ServerBase(text)?.description, !base.dropFirst(scheme.utf8.count + 3).contains("/") else {
                return nil
            }
            return base
        }
        // Of an extension or of an application that displays pages.
        let host = text[separator.upperBound...].lowercased()
        guard !host.isEmpty, host.utf8.allSatisfy({ $0.isLetter || $0.isDigit || "-._:".utf8.contains($0) }) else {
            return nil
        }
        return "\(scheme)://\(host)"
    }

    /// Returns a host name or an address as it is in the `Host` header, in lower case, or `nil` if the text is not one.
    static func normalizedHost(_ text: String) -> String? {
        var host = text.lowercased()
        if host.utf8.count(where: { $0 == UInt8(ascii: ":") }) > 1, !host.hasPrefix("[") { host = "[\(host)]" }
        guard let base = ServerBase("http://\(host)"), base.description == "http://\(host)" else { return nil }
        let end = host.hasPrefix("[") ? host.drop { $0 != "]" } : host[...]
        return end.contains(":") ? nil : host
    }
}

extension UInt8 {
    fileprivate var isLetter: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self }
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}
