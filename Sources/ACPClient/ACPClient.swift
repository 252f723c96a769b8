// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import Foundation

/// Calls the agents of an ACP server, whatever language it is written in.
///
/// ```swift
/// let client = try ACPClient("http://127.0.0.1:8000")
/// let run = try await client.run(agent: "greeter", input: "Ada")
/// print(run.text)  // Hello, Ada!
/// ```
///
/// ## Three modes
///
/// The verb says how the answer comes, the label says of what:
///
/// | mode | a new run | a run that asked something |
/// |---|---|---|
/// | sync: waits for the answer | ``run(agent:input:session:)`` | ``resume(_:with:)`` |
/// | async: returns at once | ``start(agent:input:session:)`` | ``start(resuming:with:)`` |
/// | stream: events as they happen | ``stream(agent:input:session:)`` | ``stream(resuming:with:)`` |
///
/// A run goes on when its client goes away. ``run(_:)-(RunID)`` asks how it stands, ``follow(_:after:until:)`` reads its events from
/// any place, ``wait(for:until:timeout:)`` waits for its end, ``cancel(_:)`` ends it.
///
/// ## What is sent again, and what is not
///
/// Requests that only read are sent again when a kept connection turns out to be closed. Requests that change something are
/// sent once: if the answer is lost, the error says so and leaves the decision to the caller. Streams take themselves up
/// again, see ``RunStream``.
///
/// ## Life cycle
///
/// A client is cheap to copy and safe to share between tasks; its copies share their connections. ``close()`` ends them in
/// order; they end by themselves when the last copy and the last stream of it are gone. Cancelling a task ends the request
/// that it waits for.
///
/// Every call throws ``ACPClientError``, or `CancellationError` when its task is cancelled.
public struct ACPClient: Sendable {
    let transport: Transport

    /// A client of the server at a URL.
    ///
    /// - Parameters:
    ///   - url: Where the server is: `http` or `https`, with or without a path prefix and a slash at the end, for example
    ///     `https://example.com/agents/v1`.
    ///   - configuration: Token, headers, timeouts, TLS and more.
    ///   - httpClient: An HTTP client to use instead of one of its own. It brings its own TLS settings, connect timeout
    ///     and limits, should not follow redirects, and is shut down by its owner.
    /// - Throws: ``ACPClientError`` with code `invalidURL` or `invalidConfiguration`.
    public init(
        _ url: String, configuration: Configuration = Configuration(), httpClient: HTTPClient? = nil
    ) throws(ACPClientError) {
        transport = try Transport(baseURL: BaseURL(url), configuration: configuration, httpClient: httpClient)
    }

    /// A client of the server at a URL.
    ///
    /// - Throws: ``ACPClientError`` with code `invalidURL` or `invalidConfiguration`.
    public init(
        _ url: URL, configuration: Configuration = Configuration(), httpClient: HTTPClient? = nil
    ) throws(ACPClientError) {
        try self.init(url.absoluteString, configuration: configuration, httpClient: httpClient)
    }

    /// Where the server is, without a slash at the end.
    public var url: String { transport.baseURL.description }

    /// Ends all connections. Calls that are under way fail, and so do later ones. An injected HTTP client stays open.
    ///
    /// Calling it is not required: a client that nobody holds any more closes itself.
    public func close() async throws { try await transport.close() }

    /// Asks the server whether it is there.
    ///
    /// - Returns: how long the answer took.
    @discardableResult
    public func ping() async throws -> Duration {
        let start = ContinuousClock.now
        let request = HTTPRequest.get("/ping")
        _ = try transport.decode(JSONObject.self, from: try await transport.send(request), for: request)
        return ContinuousClock.now - start
    }
}

extension ACPClient: CustomStringConvertible, CustomReflectable {
    public var description: String { "ACPClient(\(url))" }

    /// Empty, because `dump` and debuggers would show the token.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

// MARK: - Agents

extension ACPClient {
    /// All agents of the server, read page by page.
    public func agents() async throws -> [AgentManifest] {
        let pageSize = 100
        var agents: [AgentManifest] = []
        var names: Set<AgentName> = []
        while true {
            let page = try await self.agents(limit: pageSize, offset: agents.count)
            let new = page.filter { names.insert($0.name).inserted }
            agents += new
            // A server that ignores the offset would give its first page for ever.
            if page.count < pageSize || new.isEmpty { return agents }
        }
    }

    /// One page of the server's agents.
    ///
    /// - Parameters:
    ///   - limit: How many at most, 1 to 1000.
    ///   - offset: How many to skip.
    public func agents(limit: Int, offset: Int = 0) async throws -> [AgentManifest] {
        let path = path("/agents", query: [("limit", "\(limit)"), ("offset", "\(offset)")])
        return try await transport.send(.get(path), as: AgentsListResponse.self).agents
    }

    /// What an agent says about itself.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and the server's `not_found` if there is no such agent.
    public func fetchAgent(_ name: AgentName) async throws -> AgentManifest {
        try await transport.send(.get("/agents/\(name)"), as: AgentManifest.self)
    }
}
