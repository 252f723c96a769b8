// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import Foundation

/// A client for the agents of an ACP server in any language.
///
/// ```swift
/// let client = try ACPClient("http://127.0.0.1:8000")
/// let run = try await client.run(agent: "greeter", input: "Ada")
/// print(run.text)  // Hello, Ada!
/// ```
///
/// ## Three modes
///
/// Each mode of a run has a method for new runs and one for runs that await an answer:
///
/// | mode | new run | run that awaits an answer |
/// |---|---|---|
/// | sync: waits for the result | ``run(agent:input:session:)`` | ``resume(_:with:)`` |
/// | async: returns at once | ``start(agent:input:session:)`` | ``start(resuming:with:)`` |
/// | stream: events as they happen | ``stream(agent:input:session:)`` | ``stream(resuming:with:)`` |
///
/// A run continues when its client disconnects. ``fetchRun(_:)-(RunID)`` returns its current state, ``follow(_:after:until:)``
/// reads its events from any index, ``wait(for:until:timeout:)`` waits for its end, ``cancel(_:)`` cancels it.
///
/// ## Retries
///
/// GET requests are sent again if a pooled connection turns out to be closed. Requests that change something are sent
/// once: if the response is lost, the error tells the caller, who decides what to do. Streams reconnect by themselves,
/// see ``RunStream``.
///
/// ## Life cycle
///
/// A client is cheap to copy and can be shared between tasks; its copies share their connections. ``close()`` closes
/// them. Otherwise they are closed when the last copy and its last stream are deallocated. Cancelling a task ends the
/// request for which it waits.
///
/// Every call throws ``ACPClientError``, or `CancellationError` if its task is cancelled.
public struct ACPClient: Sendable {
    let transport: Transport

    /// Creates a client for the server at a URL.
    ///
    /// - Parameters:
    ///   - url: The server's `http` or `https` URL, with or without a path prefix and a slash at the end, for example
    ///     `https://example.com/agents/v1`.
    ///   - configuration: Token, headers, timeouts, TLS and more.
    ///   - httpClient: An HTTP client to use. It has its own TLS settings, connect timeout and limits, should not
    ///     follow redirects, and is shut down by its owner. If `nil`, the client creates one.
    /// - Throws: ``ACPClientError`` with code `invalidURL` or `invalidConfiguration`.
    public init(
        _ url: String, configuration: Configuration = Configuration(), httpClient: HTTPClient? = nil
    ) throws(ACPClientError) {
        transport = try Transport(baseURL: BaseURL(url), configuration: configuration, httpClient: httpClient)
    }

    /// Creates a client for the server at a URL.
    ///
    /// - Throws: ``ACPClientError`` with code `invalidURL` or `invalidConfiguration`.
    public init(
        _ url: URL, configuration: Configuration = Configuration(), httpClient: HTTPClient? = nil
    ) throws(ACPClientError) {
        try self.init(url.absoluteString, configuration: configuration, httpClient: httpClient)
    }

    /// The server's URL, without a slash at the end.
    public var url: String { transport.baseURL.description }

    /// Closes all connections. Running and later calls fail. An HTTP client that was passed to the initializer remains
    /// open.
    ///
    /// Calling this method is optional: a client closes its connections when it is deallocated.
    public func close() async throws { try await transport.close() }

    /// Checks whether the server is reachable.
    ///
    /// - Returns: The response time.
    @discardableResult
    public func ping() async throws -> Duration {
        let start = ContinuousClock.now
        let request = ClientRequest.get("/ping")
        _ = try transport.decode(JSONObject.self, from: try await transport.send(request), for: request)
        return ContinuousClock.now - start
    }
}

extension ACPClient: CustomStringConvertible, CustomReflectable {
    /// A description with the server's URL.
    public var description: String { "ACPClient(\(url))" }

    /// Empty, because `dump` and debuggers would show the token.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

// MARK: - Agents

extension ACPClient {
    /// Returns the manifests of all agents of the server, which are read page by page.
    public func agents() async throws -> [AgentManifest] {
        let pageSize = 100
        var agents: [AgentManifest] = []
        var names: Set<AgentName> = []
        while true {
            let page = try await self.agents(limit: pageSize, offset: agents.count)
            let new = page.filter { names.insert($0.name).inserted }
            agents += new
            // A server that ignores the offset would return its first page forever.
            if page.count < pageSize || new.isEmpty { return agents }
        }
    }

    /// Returns a page of the manifests of the server's agents.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of agents, 1 to 1000.
    ///   - offset: The number of agents to skip. Defaults to 0.
    public func agents(limit: Int, offset: Int = 0) async throws -> [AgentManifest] {
        let path = path("/agents", query: [("limit", "\(limit)"), ("offset", "\(offset)")])
        return try await transport.send(.get(path), as: AgentsListResponse.self).agents
    }

    /// Returns the manifest of an agent.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and the server's code `not_found` if the agent does not
    ///   exist.
    public func fetchAgent(_ name: AgentName) async throws -> AgentManifest {
        try await transport.send(.get("/agents/\(name)"), as: AgentManifest.self)
    }
}
