// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import NIOCore

/// What the routes of a server share: its engine, its configuration, and the budgets and timers that limit all requests
/// together.
package struct RouteEnvironment: Sendable {
    package let engine: RunEngine
    package let configuration: ServerConfiguration
    package let keepAlive: KeepAliveTimer
    package let failureLogger: FailureLogger
    package let budgets: ServerBudgets
    package let metrics: ServerMetrics
    /// Who may send which requests, and what they reach.
    package let access: AccessRules

    package init(engine: RunEngine, configuration: ServerConfiguration, metrics: ServerMetrics) {
        self.engine = engine
        self.configuration = configuration
        self.metrics = metrics
        access = AccessRules(engine: engine, configuration: configuration)
        keepAlive = KeepAliveTimer(interval: configuration.keepAliveInterval, streamCount: metrics.eventStreams)
        failureLogger = FailureLogger(limiter: engine.logLimiter)
        budgets = ServerBudgets(configuration.limits)
    }

    /// Reads a JSON body as soon as there is memory for it, and passes it on while the memory is reserved.
    ///
    /// - Throws: ``ErrorResponse``; the errors of the closure.
    package func withJSON<Result>(
        of request: Request, _ body: (ByteBuffer) throws -> Result
    ) async throws -> Result {
        let limit = configuration.maximumBodySize
        let room = try await budgets.room(for: request, upTo: limit)
        defer { room?.release() }
        return try body(try await request.json(upTo: limit, values: configuration.limits.maximumValues))
    }

    /// Returns the URL at which the sender of a request reaches the server: the configured one, or else that of the
    /// request.
    package func baseURL(of request: Request, _ context: some RemoteAddressRequestContext) -> String {
        SessionURLs(request, context, configuration).base.description
    }
}

/// Routes of another protocol, which a server serves beside its own.
package protocol AdditionalRoutes: Sendable {
    /// Adds the routes to a router. They convert their errors into responses themselves, and require the server's
    /// authentication where they need it.
    func add<Context: RemoteAddressRequestContext>(to router: RouterGroup<Context>, _ environment: RouteEnvironment)

    /// Returns the response to an error that was found before the request reached the routes, such as one of a page that
    /// may not use the server.
    ///
    /// - Returns: The response in the form of the protocol, or `nil` if the request is none of the protocol.
    func response(to error: ErrorResponse, _ request: Request, _ context: some RequestContext) -> Response?
}
