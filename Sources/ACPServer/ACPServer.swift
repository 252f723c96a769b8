// SPDX-License-Identifier: Apache-2.0

import ACPLinks
import ACPTracing
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import Metrics
import NIOCore
import ServiceLifecycle
import Synchronization
import Tracing
import UnixSignals

/// Serves agents over HTTP.
///
/// ```swift
/// let server = ACPServer(storage: MemoryStorage())
///
/// try server.addAgent("greeter", description: "Greets its caller") { context in
///     "Hello, \(context.input.first?.text ?? "World")!"
/// }
///
/// try await server.runService()
/// ```
///
/// A program that has services of its own adds the server to its `ServiceGroup` like any other. A program that has an
/// HTTP server of its own adds the protocol's routes to its router, see ``addRoutes(to:)``.
///
/// When a server shuts down, it accepts no new runs (503, and `/readyz` reports it), lets active runs finish within
/// `EngineConfiguration.shutdownGrace`, fails the others with an error that names the reason, and then closes its
/// connections.
public final class ACPServer: Service {
    /// Executes the runs. A program can start runs of its own with it.
    public let engine: RunEngine
    /// The configuration with which the server was created.
    public let configuration: ServerConfiguration
    let logger: Logger
    /// Loads from other servers. `nil` if nothing is loaded, or if the configuration contains another loader.
    private let links: LinkLoader?
    /// One for all routers, so that a caller has the same limits in each of them.
    private let callerLimiter: CallerLimiter
    /// The metrics of the routes and connections.
    package let metrics: ServerMetrics
    private let additionalRoutes = Mutex<[any AdditionalRoutes]>([])

    /// Creates a server that has no agents yet.
    ///
    /// - Parameters:
    ///   - storage: Stores runs, events and sessions. The server does not close it.
    ///   - configuration: The address, limits, grace periods and authentication.
    ///   - logger: Receives the server's log messages, among them every failure of a request.
    public init(
        storage: any Storage,
        configuration: ServerConfiguration = ServerConfiguration(),
        logger: Logger = Logger(label: "acp.server")
    ) {
        self.configuration = configuration
        self.logger = logger
        callerLimiter = CallerLimiter(configuration.callers)
        let isOwnLoader = configuration.engine.resourceLoader == nil
        links = isOwnLoader ? configuration.links.map { LinkLoader(configuration: $0, logger: logger) } : nil
        var engineConfiguration = configuration.engine
        let metricsFactory =
            configuration.engine.metricsFactory ?? configuration.metrics?.metrics ?? MetricsSystem.factory
        engineConfiguration.metricsFactory = metricsFactory
        metrics = ServerMetrics(metricsFactory)
        engineConfiguration.resourceLoader = ServerResourceLoader(
            storage: storage, urls: configuration.publicURL.map { SessionURLs(base: $0) },
            signing: configuration.urlSigning,
            other: links ?? configuration.engine.resourceLoader, isIsolated: configuration.isolation)
        engine = RunEngine(storage: storage, configuration: engineConfiguration, logger: logger)
    }

    /// The agents that the server serves. Agents can be added while the server runs.
    public var agents: AgentRegistry { engine.agents }

    // MARK: - Running

    /// Serves until the process receives SIGTERM or SIGINT, or the calling task is cancelled.
    ///
    /// The first signal shuts the server down gracefully. A second one ends the graceful shutdown: connections are
    /// closed at once, and the ends of the active runs are stored within 5 seconds. After these 5 seconds, or at a
    /// third signal, the process exits with 128 plus the number of the signal.
    ///
    /// - Parameter onListening: Called once, with the port, when the server accepts connections.
    /// - Throws: ``ServerError`` if the server cannot start or was interrupted by a second signal.
    public func runService(onListening: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
        try await run(signals: [.sigterm, .sigint], onListening: onListening)
    }

    /// Serves until the surrounding service group shuts down, or the calling task is cancelled.
    ///
    /// - Throws: ``ServerError`` if the server cannot start.
    public func run() async throws {
        try await run(signals: [], onListening: { _ in })
    }

    private func run(
        signals: [UnixSignal], onListening: @escaping @Sendable (Int) async -> Void
    ) async throws {
        let (host, port) = (configuration.host, configuration.port)
        let application = try application(onListening: onListening)
        // Dispatch opens the file descriptors of its timers when they are first used, and ends the process if none are left: use
        // them before clients can use up the descriptors. A much shorter sleep can be over before its timer is armed.
        try await Task.sleep(for: .milliseconds(10), clock: .continuous)
        try await Task.sleep(for: .milliseconds(10), clock: .suspending)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                // The last service is shut down first, so that runs end while their callers are still connected, and
                // metrics can be read until all have ended.
                services: metricsServices + [
                    .init(service: Connections(application: application, closingGrace: configuration.closingGrace)),
                    .init(service: engine),
                ],
                logger: logger
            ))
        do {
            if signals.isEmpty {
                try await group.run()
            } else {
                try await TerminationSignals(signals, logger: logger).run(group)
            }
        } catch let error as MetricsPortError {
            throw ServerError.cannotListen(host: error.host, port: error.port, reason: error.reason)
        } catch let error as IOError {
            throw ServerError.cannotListen(host: host, port: port, reason: error.localizedReason)
        } catch let error as SocketAddressError.UnknownHost {
            throw ServerError.cannotListen(host: host, port: port, reason: error.errorDescription)
        }
    }

    /// Returns a Hummingbird application that serves the protocol's routes.
    ///
    /// Run it in a service group together with ``engine``, which must follow the application in the group. Such a group
    /// should have a `maximumGracefulShutdownDuration`, since otherwise a client that does not read its stream prevents
    /// the application from ending.
    ///
    /// - Parameter onListening: Called once, with the port, when the application accepts connections.
    /// - Throws: ``ServerError`` if the configuration is not valid.
    public func application(
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> some ApplicationProtocol {
        try configuration.validate()
        let tls = try configuration.tls.map { tls throws(ServerError) in try TLSReloader(tls, logger: logger) }
        // They end after the last connection, and therefore after the last run.
        var services: [any Service] = links.map { [$0] } ?? []
        if let tls { services.append(tls) }
        return Application(
            responder: StreamResponder(base: router(listeningOn: configuration.host).buildResponder()),
            server: HTTPServerBuilder { [configuration, metrics, logger] responder in
                ConnectionChannel(
                    configuration: configuration, tls: tls, metrics: metrics, logger: logger, responder: responder)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "SimpleACP"),
            services: services,
            onServerRunning: { [logger, configuration] channel in
                do {
                    try await channel.eventLoop.submit {
                        try channel.pipeline.syncOperations.addHandler(
                            AcceptPauseHandler(logger: logger), position: .first)
                    }.get()
                } catch {
                    // The socket is already closed.
                    logger.debug("the listening socket is closed", metadata: ["reason": "\(error)"])
                }
                // Unstructured, because connections are served only after this closure has returned, and `onListening`
                // may wait for a response of this server. It ends when `onListening` returns.
                Task { await onListening(channel.localAddress?.port ?? configuration.port) }
            },
            logger: Logger(label: logger.label) { _ in LazyMetadataHandler(logger.handler) }
        )
    }

    // MARK: - Routes

    /// Adds routes of another protocol to those that ``router()`` and ``addRoutes(to:)`` return from now on.
    package func add(_ routes: some AdditionalRoutes) {
        additionalRoutes.withLock { $0.append(routes) }
    }

    /// Whether the server has additional routes of a type.
    package func hasRoutes<Routes: AdditionalRoutes>(_ type: Routes.Type) -> Bool {
        additionalRoutes.withLock { $0.contains { $0 is Routes } }
    }

    /// Returns a router with all routes of the protocol.
    ///
    /// It does not know on which address the application listens that uses it, and therefore checks the `Host` of
    /// requests only if there are ``BrowserConfiguration/allowedHosts``.
    public func router() -> Router<ServerRequestContext> { router(listeningOn: nil) }

    private func router(listeningOn address: String?) -> Router<ServerRequestContext> {
        let router = Router(context: ServerRequestContext.self, options: .autoGenerateHeadEndpoints)
        let environment = RouteEnvironment(engine: engine, configuration: configuration, metrics: metrics)
        let methods = RouteMethods()
        let errors = ErrorMiddleware<ServerRequestContext>(failureLogger: environment.failureLogger, methods: methods)
        router.add(middleware: entry(listeningOn: address, errorForms, errors: errors))
        addRoutes(to: router, environment)
        methods.register(from: router)
        return router
    }

    /// Adds all routes of the protocol to a router of another application.
    ///
    /// The application's own routes, middleware, request context and error responses stay as they are: errors of the
    /// protocol's routes become ACP's error objects, and ``ServerConfiguration/authentication``,
    /// ``ServerConfiguration/browsers`` and ``ServerConfiguration/callers`` apply only to them.
    ///
    /// ```swift
    /// let router = Router(context: MyContext.self, options: .autoGenerateHeadEndpoints)
    /// router.get("health") { _, _ in "ok" }
    /// server.addRoutes(to: router.group("acp"))
    /// let application = Application(router: router)
    /// let group = ServiceGroup(
    ///     services: [application, server.engine], gracefulShutdownSignals: [.sigterm], logger: logger)
    /// try await group.run()
    /// ```
    ///
    /// Run the server's ``engine`` after the application in the service group, so that runs end while their callers are
    /// still connected. In a group with a path, set ``ServerConfiguration/publicURL``, since URLs of sessions are
    /// derived from it. Connection limits and timeouts are those of the application.
    ///
    /// - Parameter router: A router, or a group of one. Its context must provide the client's address.
    public func addRoutes<Context: RemoteAddressRequestContext>(to router: some RouterMethods<Context>) {
        let environment = RouteEnvironment(engine: engine, configuration: configuration, metrics: metrics)
        let errors = ErrorMiddleware<Context>(failureLogger: environment.failureLogger, methods: RouteMethods())
        let group = router.group().add(middleware: entry(listeningOn: nil, errorForms, errors: errors))
        addRoutes(to: group, environment)
        if !configuration.browsers.allowedOrigins.isEmpty { addPreflightRoutes(to: group, environment) }
    }

    /// Returns a group of another application's router for routes of another protocol, with all that precedes the routes
    /// of a server: observation, and the checks of requests.
    package func guardedGroup<Context: RemoteAddressRequestContext>(
        of router: some RouterMethods<Context>, for routes: some AdditionalRoutes
    ) -> RouterGroup<Context> {
        router.group().add(
            middleware: entry(listeningOn: nil, ErrorForms(additionalRoutes: [routes]), errors: nil))
    }

    /// Returns the middleware in front of the routes of a router.
    ///
    /// - Parameters:
    ///   - address: The address on which the server listens. `nil` if another application listens.
    ///   - forms: The forms of the errors that the middleware itself finds.
    ///   - errors: Converts the errors of routes. `nil` if the routes have a middleware of their own for them.
    private func entry<Context: RemoteAddressRequestContext>(
        listeningOn address: String?, _ forms: ErrorForms, errors: ErrorMiddleware<Context>?
    ) -> EntryMiddleware<Context> {
        let callers = CallerLimitMiddleware<Context>(
            configuration: configuration, limiter: callerLimiter, errors: forms)
        let observation = ObservationMiddleware<Context>(
            metrics: metrics.isEnabled ? metrics : nil,
            log: configuration.logsRequests ? RequestLog(configuration, logger: logger) : nil)
        return EntryMiddleware(
            tracing: TracingMiddleware(tracer: tracer),
            identity: configuration.authentication.map { IdentityMiddleware(authentication: $0) },
            observation: metrics.isEnabled || configuration.logsRequests ? observation : nil,
            browsers: BrowserMiddleware(configuration, listeningOn: address, errors: forms),
            callers: configuration.callers.countsCallers ? callers : nil,
            errors: errors)
    }

    private var tracer: (any Tracer)? { configuration.engine.tracer ?? InstrumentationSystem.bootstrappedTracer }

    private var errorForms: ErrorForms { ErrorForms(additionalRoutes: additionalRoutes.withLock(\.self)) }

    /// Adds routes for OPTIONS to the paths of the protocol: the router of another application passes only requests with
    /// a route to its middleware.
    private func addPreflightRoutes<Context: RemoteAddressRequestContext>(
        to group: RouterGroup<Context>, _ environment: RouteEnvironment
    ) {
        let router = Router(context: Context.self)
        addProtocolRoutes(to: router, environment)
        var methods: [String: Set<String>] = [:]
        for route in router.routes {
            methods[route.path.description, default: ["OPTIONS"]].insert(route.method.rawValue)
        }
        for (path, methods) in methods {
            let allowed = methods.sorted().joined(separator: ", ")
            group.on(RouterPath(path), method: .options) { _, _ in
                Response(status: .noContent, headers: [.allow: allowed])
            }
        }
    }

    private func addRoutes<Context: RemoteAddressRequestContext>(
        to router: some RouterMethods<Context>, _ environment: RouteEnvironment
    ) {
        addProtocolRoutes(to: router, environment)
        for routes in additionalRoutes.withLock(\.self) { routes.add(to: router.group(), environment) }
    }

    private func addProtocolRoutes<Context: RemoteAddressRequestContext>(
        to router: some RouterMethods<Context>, _ environment: RouteEnvironment
    ) {
        let rules = environment.access
        HealthRoutes(engine: engine, rules: rules).add(to: RouteGroups(of: router, rules, budgets: nil))
        let budgets = environment.budgets
        let groups = RouteGroups(of: router, rules, budgets: budgets)
        AgentRoutes(agents: agents).add(to: groups)
        RunRoutes(
            rules: rules, configuration: configuration, keepAlive: environment.keepAlive,
            failureLogger: environment.failureLogger, budgets: budgets
        ).add(to: groups)
        let sessions = SessionRoutes(rules: rules, configuration: configuration, budgets: budgets)
        sessions.add(to: groups)
        if let signing = configuration.urlSigning {
            let access = ResourceAccessMiddleware<Context>(signing: signing, rules: rules)
            sessions.addResources(
                to: router.group().add(middleware: access).add(middleware: ResponseBudgetMiddleware(budgets: budgets)))
        } else {
            sessions.addResources(to: groups.read)
        }
        ProcessRoutes(engine: engine).add(to: groups)
        if let endpoint = configuration.metrics, endpoint.port == nil {
            MetricsRoutes(engine: engine, metrics: endpoint.metrics).add(to: groups.administer)
        }
    }
}

/// The HTTP application, which is cancelled when its connections remain open for too long after a shutdown.
struct Connections<Application: ApplicationProtocol>: Service {
    let application: Application
    let closingGrace: Duration

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            group.addTask {
                try await gracefulShutdown()
                try await Task.sleep(for: closingGrace)
            }
            // Cancels the timer if the application has ended, and the application if its time is up.
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

extension IOError {
    /// A short reason for the most frequent errors, without the name of the system call.
    var localizedReason: String {
        switch errnoCode {
        case EADDRINUSE: "the address is in use"
        case EACCES: "permission denied"
        case EADDRNOTAVAIL: "this machine does not have that address"
        default: "\(self)"
        }
    }
}
