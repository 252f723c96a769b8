// SPDX-License-Identifier: Apache-2.0

import ACPRuntime

/// What a server loads from others, when an agent asks for something that a URL points to: messages and the state of a session
/// that came from elsewhere, and the content of message parts.
///
/// These URLs come from whoever may call the server. Without a limit a caller could have it ask for things that only it can
/// reach. So unless said otherwise only public addresses are loaded from.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.links?.allowedHosts = [try AllowedHost("agents.internal:8000")]
/// ```
public struct LinkConfiguration: Sendable {
    /// Hosts that are loaded from whatever their addresses are.
    public var allowedHosts: [AllowedHost]
    /// Whether addresses of this machine and of private networks are loaded from as well. For development: everybody who may
    /// call the server can reach what it can reach then. Link-local addresses, and those at which clouds hand out credentials,
    /// stay refused.
    public var allowsPrivateAddresses: Bool
    /// How long loading something may take, from when it is asked for until all has come.
    public var timeout: Duration
    /// How long connecting to one address may take.
    public var connectTimeout: Duration
    /// How many bytes something may have.
    public var maximumBytes: Int
    /// How many redirects are followed. They have to stay on their host.
    public var maximumRedirects: Int
    /// How many bytes are kept of what was loaded, in all.
    public var cacheBytes: Int
    /// How many things are kept of what was loaded.
    public var cacheEntries: Int
    /// How long a message is kept for which the other server does not say it. Other things are not kept then.
    public var cacheLifetime: Duration
    /// How many things are loaded at the same time.
    public var maximumLoads: Int
    /// How many things are loaded from one host at the same time.
    public var maximumLoadsPerHost: Int
    /// How many things may wait until they can be loaded. More are refused.
    public var maximumWaitingLoads: Int

    /// - Parameters:
    ///   - allowedHosts: None unless said otherwise.
    ///   - allowsPrivateAddresses: Not unless said otherwise.
    ///   - timeout: 10 seconds unless said otherwise.
    ///   - connectTimeout: 4 seconds unless said otherwise.
    ///   - maximumBytes: 16 MiB unless said otherwise.
    ///   - maximumRedirects: 3 unless said otherwise.
    ///   - cacheBytes: 64 MiB unless said otherwise. 0 keeps nothing.
    ///   - cacheEntries: 10,000 unless said otherwise.
    ///   - cacheLifetime: 1 hour unless said otherwise.
    ///   - maximumLoads: 32 unless said otherwise.
    ///   - maximumLoadsPerHost: 4 unless said otherwise.
    ///   - maximumWaitingLoads: 1,000 unless said otherwise.
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

/// A host that a server loads from whatever its addresses are, on one port or on all.
public struct AllowedHost: Sendable, Hashable, CustomStringConvertible {
    private let host: LinkURL.Host
    private let port: Int?
    /// As it was written.
    public let description: String

    /// - Parameter text: A name or an address, perhaps with a port: `agents.internal`, `agents.internal:8000`, `10.0.0.7`,
    ///   `[fd12::7]:8000`. Without a port it stands for all of them.
    /// - Throws: ``LinkError`` if it is none of these.
    public init(_ text: String) throws(LinkError) {
        (host, port) = try LinkURL.host(text) { reason in
            LinkError(.invalidURL, "\"\(text.prefix(80))\" is no host: \(reason)")
        }
        description = text
    }

    func matches(_ url: LinkURL) -> Bool { host == url.host && (port ?? url.port) == url.port }
}

extension LinkConfiguration {
    /// Whether a URL may be loaded from the addresses of its host.
    ///
    /// - Throws: ``LinkError`` with code `refused` if one of them is not to be reached.
    func check(_ addresses: [IPAddress], of url: LinkURL) throws(LinkError) {
        if allowedHosts.contains(where: { $0.matches(url) }) { return }
        for kind in addresses.map(\.kind) {
            switch kind {
            case .public: continue
            case .loopback where allowsPrivateAddresses, .private where allowsPrivateAddresses: continue
            case .loopback, .private, .linkLocal, .metadata, .reserved:
                // The address itself is not named: it would tell strangers how the network looks.
                throw LinkError(
                    .refused,
                    "\(url.shown) was not loaded: \(url.hostText) leads to \(kind.name), and this server loads from public addresses and allowed hosts only. Its operator can allow the host (--link-host, LinkConfiguration.allowedHosts)"
                )
            }
        }
    }
}
