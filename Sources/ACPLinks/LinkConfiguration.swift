// SPDX-License-Identifier: Apache-2.0

import ACPRuntime

/// What a server loads from other servers on behalf of its agents: the messages and the state of a session that was
/// forwarded from another server, and the content of message parts with a URL.
///
/// Callers choose these URLs. To prevent them from reaching services that only the server can reach (server-side
/// request forgery), the server loads only from public addresses by default.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.links?.allowedHosts = [try AllowedHost("agents.internal:8000")]
/// ```
public struct LinkConfiguration: Sendable {
    /// The hosts from which the server loads whatever their addresses are.
    public var allowedHosts: [AllowedHost]
    /// Whether the server also loads from addresses of this machine and of private networks. Use it for development
    /// only: with it, all callers of the server can reach what the server can reach. Link-local addresses, and those at
    /// which clouds hand out credentials, remain rejected.
    public var allowsPrivateAddresses: Bool
    /// How long loading a resource may take, from the request until its last byte.
    public var timeout: Duration
    /// How long connecting to one address may take.
    public var connectTimeout: Duration
    /// The maximum size of a resource, in bytes.
    public var maximumBytes: Int
    /// The maximum number of redirects that are followed. They must lead to the same host.
    public var maximumRedirects: Int
    /// The maximum total size of the cached resources, in bytes. If 0, nothing is cached.
    public var cacheBytes: Int
    /// The maximum number of cached resources.
    public var cacheEntries: Int
    /// How long a message is cached if the response does not contain a lifetime. Other resources are not cached then.
    public var cacheLifetime: Duration
    /// The maximum number of resources that are loaded at the same time.
    public var maximumLoads: Int
    /// The maximum number of resources that are loaded from one host at the same time.
    public var maximumLoadsPerHost: Int
    /// The maximum number of resources that wait to be loaded. Further ones are rejected.
    public var maximumWaitingLoads: Int

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - allowedHosts: Defaults to none.
    ///   - allowsPrivateAddresses: Defaults to `false`.
    ///   - timeout: Defaults to 10 seconds.
    ///   - connectTimeout: Defaults to 4 seconds.
    ///   - maximumBytes: Defaults to 16 MiB.
    ///   - maximumRedirects: Defaults to 3.
    ///   - cacheBytes: Defaults to 64 MiB.
    ///   - cacheEntries: Defaults to 10,000.
    ///   - cacheLifetime: Defaults to 1 hour.
    ///   - maximumLoads: Defaults to 32.
    ///   - maximumLoadsPerHost: Defaults to 4.
    ///   - maximumWaitingLoads: Defaults to 1,000.
    public init(
        allowedHosts: [AllowedHost] = [],
        allowsPrivateAddresses: Bool = false,
        timeout: Duration = .seconds(10),
        connectTimeout: Duration = .seconds(4),
        maximumBytes: Int = 16 * 1_048_576,
        maximumRedirects: Int = 3,
        cacheBytes: Int = 64 * 1_048_576,
        cacheEntries: Int = 10_000,
        cacheLifetime: Duration = .seconds(3_600),
        maximumLoads: Int = 32,
        maximumLoadsPerHost: Int = 4,
        maximumWaitingLoads: Int = 1_000
    ) {
        self.allowedHosts = allowedHosts
        self.allowsPrivateAddresses = allowsPrivateAddresses
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.maximumBytes = maximumBytes
        self.maximumRedirects = maximumRedirects
        self.cacheBytes = cacheBytes
        self.cacheEntries = cacheEntries
        self.cacheLifetime = cacheLifetime
        self.maximumLoads = maximumLoads
        self.maximumLoadsPerHost = maximumLoadsPerHost
        self.maximumWaitingLoads = maximumWaitingLoads
    }
}

/// A host from which a server loads whatever its addresses are, on one port or on all ports.
public struct AllowedHost: Sendable, Hashable, CustomStringConvertible {
    private let host: LinkURL.Host
    private let port: Int?
    /// The text with which the host was created.
    public let description: String

    /// Parses a host.
    ///
    /// - Parameter text: A name or an address, optionally with a port: `agents.internal`, `agents.internal:8000`,
    ///   `10.0.0.7`, `[fd12::7]:8000`. Without a port, all ports are allowed.
    /// - Throws: `LinkError` with code `invalidURL` if the text is not a host.
    public init(_ text: String) throws(LinkError) {
        (host, port) = try LinkURL.host(text) { reason in
            LinkError(.invalidURL, "\"\(text.prefix(80))\" is not a host: \(reason)")
        }
        description = text
    }

    /// Whether the URL has this host and, if set, this port.
    func matches(_ url: LinkURL) -> Bool { host == url.host && (port ?? url.port) == url.port }
}

extension LinkConfiguration {
    /// Checks that a URL may be loaded from the addresses of its host.
    ///
    /// - Throws: ``LinkError`` with code `refused` if one of the addresses is not allowed.
    func check(_ addresses: [IPAddress], of url: LinkURL) throws(LinkError) {
        // The error does not contain the address, which would reveal the structure of the network to callers.
        guard let kind = refusedKind(of: addresses, of: url) else { return }
        throw LinkError(
            .refused,
            "\(url.shown) was not loaded: \(url.hostText) has \(kind.name), and this server loads only from public addresses and allowed hosts. Its operator can allow the host (--link-host, LinkConfiguration.allowedHosts)"
        )
    }

    /// Returns the kind of the first address of a URL's host to which nothing may be sent, or `nil` if all are allowed.
    func refusedKind(of addresses: [IPAddress], of url: LinkURL) -> AddressKind? {
        if allowedHosts.contains(where: { $0.matches(url) }) { return nil }
        return addresses.lazy.map(\.kind).first { kind in
            switch kind {
            case .public: false
            case .loopback, .private: !allowsPrivateAddresses
            case .linkLocal, .metadata, .reserved: true
            }
        }
    }
}
