// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPLinks

/// How an ``ACPServer`` answers.
public struct ServerConfiguration: Sendable {
    /// How runs are executed: limits and grace periods.
    public var engine: EngineConfiguration
    /// How large a request's body may be, in bytes. Larger ones are refused with 413.
    public var maximumBodySize: Int
    /// How often a stream that has nothing to say sends a comment, so that proxies do not take it for dead and a client that
    /// went away is noticed.
    public var keepAliveInterval: Duration
    /// Who may call. Nil lets everybody.
    public var authentication: Authentication?
    /// Under which URL clients reach this server, as session descriptors have to name it. Nil takes the host that the
    /// request was sent to.
    public var publicURL: String?
    /// Whose word is taken for the URL that a client has called, where ``publicURL`` does not say it. Nil believes nobody:
    /// `X-Forwarded-*` and `Forwarded` are then ignored.
    public var trustedProxies: TrustedProxies?
    /// Signs the URLs in session descriptors, and refuses to answer those that are not signed. Nil leaves them as they are.
    public var urlSigning: URLSigning?
    /// How long a connection may be idle between requests before it is closed. A connection that waits for a response or
    /// reads a stream is not idle. For the time within a request see ``connections``.
    public var idleTimeout: Duration
    /// How many connections there may be, and how long clients may take for their requests and responses.
    public var connections: ConnectionConfiguration
    /// How long connections may go on when the server shuts down and its last run has ended: until then answers and streams
    /// can be read to their end. Those that are left are closed.
    public var closingGrace: Duration
    /// What is loaded from other servers, when an agent asks for it. Nil loads nothing.
    public var links: LinkConfiguration?
    /// What callers can make the server hold and send.
    public var limits: ServerLimits

    /// - Parameters:
    ///   - engine: See ``EngineConfiguration``.
    ///   - maximumBodySize: 4 MiB unless said otherwise.
    ///   - keepAliveInterval: 15 seconds unless said otherwise.
    ///   - authentication: None unless said otherwise.
    ///   - publicURL: For example `https://agents.example.com/acp`. Derived from each request unless said otherwise.
    ///   - idleTimeout: 2 minutes unless said otherwise. Behind a proxy that keeps connections: longer than the proxy does.
    ///   - closingGrace: 5 seconds unless said otherwise.
    ///   - links: From public addresses unless said otherwise. See ``LinkConfiguration``.
    ///   - trustedProxies: None unless said otherwise.
    ///   - urlSigning: None unless said otherwise.
    ///   - connections: See ``ConnectionConfiguration``.
    ///   - limits: See ``ServerLimits``.
    public init(
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
        limits: ServerLimits = ServerLimits()
    ) {
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
    }

    /// Finds what would keep a server from working as it should.
    ///
    /// - Throws: ``ServerError`` with `invalidPublicURL` or `invalidToken`.
    public func validate() throws(ServerError) {
        if let fault = authentication?.fault { throw .invalidToken(fault) }
        if let publicURL, ServerBase(publicURL) == nil { throw .invalidPublicURL(publicURL) }
    }
}
