// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPLinks

/// The configuration of an ``ACPServer``.
///
/// ```swift
/// var configuration = ServerConfiguration(host: "0.0.0.0", port: 8080)
/// configuration.authentication = .bearer(token)
/// ```
public struct ServerConfiguration: Sendable {
    /// The address to listen on. Defaults to `127.0.0.1`, which only this machine can reach; `0.0.0.0` listens on all
    /// IPv4 addresses.
    public var host: String
    /// The port to listen on. Defaults to 8000. If 0, the operating system chooses a free port.
    public var port: Int
    /// The limits and grace periods of run execution.
    public var engine: EngineConfiguration
    /// The maximum size of a request body, in bytes. Larger bodies are rejected with 413. Defaults to 4 MiB.
    public var maximumBodySize: Int
    /// The interval of comments in an event stream without events. They prevent proxies from closing the connection,
    /// and reveal clients that have disconnected. Defaults to 15 seconds.
    public var keepAliveInterval: Duration
    /// Authenticates requests. If `nil`, all requests are allowed.
    public var authentication: Authentication?
    /// Whether each principal reaches only its own runs and sessions. Defaults to `false`.
    ///
    /// It then sees, follows, answers, cancels, lists and deletes only what it has created itself: another principal's run
    /// or session is responded to like one that does not exist. Principals with the role `administer` reach everything. It
    /// requires an ``authentication`` that finds the principal of each request. Signed URLs (``urlSigning``) continue to
    /// grant access to everybody who has them.
    public var isolation: Bool
    /// The routes that require no credential. Defaults to ``PublicRoutes/standard``: health checks, and the cards of agents
    /// for A2A.
    public var publicRoutes: PublicRoutes
    /// The URL at which clients reach this server, such as `https://agents.example.com/acp`. URLs in session
    /// descriptors begin with it. If `nil`, it is derived from each request.
    public var publicURL: String?
    /// The proxies whose forwarding headers (`X-Forwarded-*`, `Forwarded`) are trusted where ``publicURL`` is `nil`. If
    /// `nil`, these headers are ignored.
    public var trustedProxies: TrustedProxies?
    /// Signs the URLs in session descriptors, and requires signatures of requests for them. If `nil`, URLs are not
    /// signed.
    public var urlSigning: URLSigning?
    /// How long a connection may be idle between requests before it is closed. A connection that waits for a response
    /// or reads a stream is not idle. Defaults to 2 minutes. Behind a proxy that reuses connections, it should be
    /// longer than the proxy's own timeout. For timeouts within a request see ``connections``.
    public var idleTimeout: Duration
    /// The maximum number of connections, and the timeouts of requests and responses.
    public var connections: ConnectionConfiguration
    /// How long connections remain open after the last run has ended during a shutdown, so that clients can read
    /// responses and streams to their end. Defaults to 5 seconds.
    public var closingGrace: Duration
    /// What agents may load from other servers. Defaults to URLs of public addresses. If `nil`, nothing is loaded.
    public var links: LinkConfiguration?
    /// Limits of the memory that callers can make the server use.
    public var limits: ServerLimits
    /// Which web pages may use the server, and under which host names. Defaults to no pages but the server's own.
    public var browsers: BrowserConfiguration
    /// The certificates for HTTPS. If `nil`, which is the default, the server serves HTTP.
    public var tls: ServerTLS?
    /// Limits of each caller: requests per second, open streams, and the size of a stream. All are off by default.
    public var callers: CallerLimits
    /// Exports the metrics of this server at `/metrics`. If `nil`, they are recorded with
    /// `EngineConfiguration.metricsFactory` and not exported by the server.
    public var metrics: MetricsEndpoint?
    /// Whether the server logs one line per request, at level info or, for successful health checks, debug. Defaults to
    /// `false`.
    ///
    /// The lines have the method, the template of the path, the status, the duration, the size of the response, the id
    /// of the run, the principal and the address of the client. They never contain bodies, queries or headers. They are written even if
    /// the level of the server's logger is higher than info.
    public var logsRequests: Bool

    /// Creates a configuration. The parameters have the defaults that the properties document.
    public init(
        host: String = "127.0.0.1",
        port: Int = 8000,
        engine: EngineConfiguration = EngineConfiguration(),
        maximumBodySize: Int = 4 * 1_048_576,
        keepAliveInterval: Duration = .seconds(15),
        authentication: Authentication? = nil,
        publicURL: String? = nil,
        idleTimeout: Duration = .seconds(120),
        closingGrace: Duration = .seconds(5),
        links: LinkConfiguration? = LinkConfiguration(),
        trustedProxies: TrustedProxies? = nil,
        urlSigning: URLSigning? = nil,
        connections: ConnectionConfiguration = ConnectionConfiguration(),
        limits: ServerLimits = ServerLimits(),
        browsers: BrowserConfiguration = BrowserConfiguration(),
        tls: ServerTLS? = nil,
        callers: CallerLimits = CallerLimits(),
        metrics: MetricsEndpoint? = nil,
        logsRequests: Bool = false,
        isolation: Bool = false,
        publicRoutes: PublicRoutes = .standard
    ) {
        self.host = host
        self.port = port
        self.engine = engine
        self.maximumBodySize = maximumBodySize
        self.keepAliveInterval = keepAliveInterval
        self.authentication = authentication
        self.publicURL = publicURL
        self.idleTimeout = idleTimeout
        self.closingGrace = closingGrace
        self.links = links
        self.trustedProxies = trustedProxies
        self.urlSigning = urlSigning
        self.connections = connections
        self.limits = limits
        self.browsers = browsers
        self.tls = tls
        self.callers = callers
        self.metrics = metrics
        self.logsRequests = logsRequests
        self.isolation = isolation
        self.publicRoutes = publicRoutes
    }

    /// Validates the configuration. A server does so before it starts.
    ///
    /// - Throws: ``ServerError`` with code `cannotListen`, `invalidPublicURL`, `invalidToken`, `invalidCertificate` or
    ///   `invalidConfiguration`.
    public func validate() throws(ServerError) {
        // The operating system would silently truncate larger numbers to 16 bits.
        guard (0...65_535).contains(port) else {
            throw .cannotListen(host: host, port: port, reason: "ports are numbers from 0 to 65535")
        }
        if let metrics, let port = metrics.port, !(0...65_535).contains(port) {
            throw .cannotListen(host: metrics.host ?? host, port: port, reason: "ports are numbers from 0 to 65535")
        }
        do throws(RunEngineError) {
            try engine.validate()
        } catch {
            throw .invalidConfiguration(error.message)
        }
        for (name, number, minimum) in numbers where number < minimum {
            throw .invalidConfiguration("\(name) is \(number): it must be at least \(minimum)")
        }
        if let fault = authentication?.fault { throw .invalidToken(fault) }
        if isolation, authentication?.findsPrincipals != true {
            throw .invalidConfiguration(
                "isolation requires an authentication that finds the principal of each request: use Authentication.tokens, clientCertificate, principal or jwt, without bearer and custom"
            )
        }
        if let publicURL, ServerBase(publicURL) == nil { throw .invalidPublicURL(publicURL) }
        try browsers.validate()
        try callers.validate()
        try tls?.validate()
    }

    /// Whether only this machine can reach the server.
    package var listensOnLoopback: Bool { HostNames.isLoopback(address: host) }

    /// The numbers of the server and its minimum for each.
    private var numbers: [(name: String, number: Int, minimum: Int)] {
        var numbers = [
            ("maximumBodySize", maximumBodySize, 1),
            ("connections.maximumCount", connections.maximumCount, 1), ("connections.reserve", connections.reserve, 0),
            ("connections.maximumStreams", connections.maximumStreams, 1),
            ("limits.maximumMessages", limits.maximumMessages, 1), ("limits.maximumParts", limits.maximumParts, 1),
            ("limits.maximumValues", limits.maximumValues, 1), ("limits.maximumLinks", limits.maximumLinks, 0),
            ("limits.maximumLinkBytes", limits.maximumLinkBytes, 0),
            ("limits.maximumPageBytes", limits.maximumPageBytes, 1),
            ("limits.requestMemory", limits.requestMemory, 1), ("limits.responseMemory", limits.responseMemory, 1),
        ]
        if let links {
            numbers += [
                ("links.maximumBytes", links.maximumBytes, 1), ("links.maximumLoads", links.maximumLoads, 1),
                ("links.maximumLoadsPerHost", links.maximumLoadsPerHost, 1),
                ("links.maximumWaitingLoads", links.maximumWaitingLoads, 0),
                ("links.maximumRedirects", links.maximumRedirects, 0),
            ]
        }
        return numbers
    }
}
