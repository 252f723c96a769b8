// SPDX-License-Identifier: Apache-2.0

import ACPLinks
import ACPRuntime
public import ACPServer
public import Hummingbird

extension ACPServer {
    /// Serves the agents of the server over A2A as well, those that are added later too.
    ///
    /// ```swift
    /// let server = ACPServer(storage: MemoryStorage())
    /// try server.addAgent("greeter", description: "Greets its caller") { _ in "Hello!" }
    /// try server.addA2A()
    /// try await server.runService()
    /// ```
    ///
    /// Each agent has a card at `/a2a/{agent}/.well-known/agent-card.json`, and is called at `/a2a/{agent}` with
    /// JSON-RPC, and at the paths below with plain HTTP. The card of the default agent is also at
    /// `/.well-known/agent-card.json`. Authentication and limits are those of the server; cards require no credential.
    ///
    /// Call it before the server runs, and before `router()`, `application()` and `addRoutes(to:)`.
    ///
    /// - Parameter configuration: What is offered over A2A. Defaults to everything but version 0.3.
    /// - Throws: `ServerError` with code `invalidConfiguration` if the configuration is not valid, or if the server
    ///   serves A2A already.
    public func addA2A(_ configuration: A2AConfiguration = A2AConfiguration()) throws(ServerError) {
        let routes = try A2ARoutes(for: self, configuration: configuration)
        guard !hasRoutes(A2AServerRoutes.self) else {
            throw .invalidConfiguration("the server serves A2A already: call addA2A once, with all that is to be set")
        }
        add(routes.routes)
    }
}

extension A2AConfiguration {
    /// Returns how push notifications are sent by a server.
    fileprivate func pushNotifications(of server: ACPServer) -> PushConfiguration {
        if let push { return push }
        guard let links = server.configuration.links else { return PushConfiguration() }
        return PushConfiguration(
            allowedHosts: links.allowedHosts, allowsPrivateAddresses: links.allowsPrivateAddresses)
    }
}

/// The routes of A2A for the agents of a server, for an HTTP server of another kind that does not serve ACP.
///
/// ```swift
/// let router = Router(context: MyContext.self, options: .autoGenerateHeadEndpoints)
/// try A2ARoutes(for: server).addRoutes(to: router)
/// let application = Application(router: router)
/// let group = ServiceGroup(
///     services: [application, server.engine], gracefulShutdownSignals: [.sigterm], logger: logger)
/// try await group.run()
/// ```
///
/// Where ACP is served as well, `ACPServer.addA2A(_:)` is sufficient.
public struct A2ARoutes: Sendable {
    private let server: ACPServer
    let routes: A2AServerRoutes

    /// Creates the routes.
    ///
    /// - Parameters:
    ///   - server: The server whose agents are served. It does not have to run, but its engine must.
    ///   - configuration: What is offered. Defaults to everything but version 0.3.
    /// - Throws: `ServerError` with code `invalidConfiguration`.
    public init(for server: ACPServer, configuration: A2AConfiguration = A2AConfiguration()) throws(ServerError) {
        try configuration.validate()
        self.server = server
        let pushConfiguration = configuration.pushNotifications(of: server)
        do throws(RunEngineError) {
            try pushConfiguration.validate()
        } catch {
            throw .invalidConfiguration("A2AConfiguration.push: \(error.description)")
        }
        routes = A2AServerRoutes(
            configuration: configuration,
            push: configuration.hasPushNotifications
                ? PushService(engine: server.engine, configuration: pushConfiguration) : nil)
    }

    /// Adds the routes to a router of another application.
    ///
    /// The application's own routes, middleware and request context stay as they are. In a group with a path, set
    /// `ServerConfiguration.publicURL`, since the URLs in cards begin with it. Connection limits and timeouts are those
    /// of the application.
    ///
    /// - Parameter router: A router, or a group of one. Its context must provide the client's address.
    public func addRoutes<Context: RemoteAddressRequestContext>(to router: some RouterMethods<Context>) {
        let environment = RouteEnvironment(
            engine: server.engine, configuration: server.configuration, metrics: server.metrics)
        routes.add(to: server.guardedGroup(of: router, for: routes), environment)
    }
}
