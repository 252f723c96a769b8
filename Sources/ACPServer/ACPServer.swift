// SPDX-License-Identifier: Apache-2.0

import ACPLinks
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// Serves agents over HTTP.
///
/// ```swift
/// let server = ACPServer(storage: MemoryStorage())
///
/// server.agent("greeter", description: "Greets whoever calls") { context in
///     "Hello, \(context.input.first?.text ?? "World")!"
/// }
///
/// try await server.run(port: 8000)
/// ```
///
/// In a program that has services of its own, give the server to a `ServiceGroup` like any other, or take the
/// ``application(host:port:onListening:)`` apart and serve its ``router()`` together with other routes.
///
/// When it is told to shut down, a server takes no new runs (503, and `/readyz` says so), lets those that run finish within
/// ``EngineConfiguration/shutdownGrace``, fails the rest with an error that says so, and then closes its connections.
public final class ACPServer: Service {
    /// Executes the runs. Useful to a program that starts runs of its own.
    public let engine: RunEngine
    /// How the server answers.
    public let configuration: ServerConfiguration
    private let logger: Logger
    /// Loads from other servers. Nil if nothing is, or if the program brings a loader of its own.
    private let links: LinkLoader?

    /// - Parameters:
    ///   - storage: Where runs, events and sessions are kept. It stays the caller's to close.
    ///   - configuration: Limits, grace periods, authentication.
    ///   - logger: Gets a line for everything that goes wrong on the server's side.
    public init(
        storage: any Storage,
        configuration: ServerConfiguration = ServerConfiguration(),
        logger: Logger = Logger(label: "acp.server")
    ) {
        self.configuration = configuration
        self.logger = logger
        let isOwnLoader = configuration.engine.resourceLoader == nil
        links = isOwnLoader ? configuration.links.map { LinkLoader(configuration: $0, logger: logger) } : nil
        var engineConfiguration = configuration.engine
        engineConfiguration.resourceLoader = ServerLinks(
            storage: storage, urls: configuration.publicURL.map { SessionURLs(base: $0) },
            signing: configuration.urlSigning,
            other: links ?? configuration.engine.resourceLoader)
        engine = RunEngine(storage: storage, configuration: engineConfiguration, logger: logger)
    }

    /// The agents that are served. They can be added to while the server runs.
    public var agents: AgentRegistry { engine.agents }

    // MARK: - Running

    /// Serves until the process is told to end (SIGTERM or SIGINT), or the calling task is cancelled.
    ///
    /// The first signal shuts the server down gracefully. A second one cancels that: runs still get an end that is stored, for
    /// which there are 5 seconds, and connections are closed at once. After these, or at a third signal, the process exits with
    /// 128 and the number of the signal.
    ///
    /// - Parameters:
    ///   - host: The address to listen on. This machine only, unless said otherwise; `0.0.0.0` for all.
    ///   - port: The port to listen on. 0 takes a free one.
    ///   - onListening: Called once with the port, when connections are accepted.
    /// - Throws: ``ServerError`` if the server cannot start, or was interrupted by a second signal.
    public func run(
        host: String = "127.0.0.1",
        port: Int = 8000,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) async throws {
        try await run(host: host, port: port, signals: [.sigterm, .sigint], onListening: onListening)
    }

    /// Serves on port 8000 of this machine until the surrounding service group shuts down.
    public func run() async throws {
        try await run(host: "127.0.0.1", port: 8000, signals: [], onListening: { _ in })
    }

    private func run(
        host: String, port: Int, signals: [UnixSignal], onListening: @escaping @Sendable (Int) async -> Void
    ) async throws {
        // The operating system would take the remainder of larger ones for a port.
        guard (0...65_535).contains(port) else {
            throw ServerError.cannotListen(host: host, port: port, reason: "ports are numbers from 0 to 65535")
        }
        let application = try application(host: host, port: port, onListening: onListening)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                // The last one is shut down first: runs end while their callers are still connected.
                services: [
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
        } catch let error as IOError {
            throw ServerError.cannotListen(host: host, port: port, reason: error.localizedReason)
        } catch let error as SocketAddressError.UnknownHost {
            throw ServerError.cannotListen(host: host, port: port, reason: error.errorDescription)
        }
    }

    /// The HTTP side as an application of Hummingbird's, to be run in a service group together with ``engine``, which has to
    /// stand behind it in the group.
    ///
    /// A group of one's own should have a `maximumGracefulShutdownDuration`: a client that does not read its stream keeps
    /// the application from ending otherwise.
    ///
    /// - Throws: ``ServerError`` if two agents have the same name, or the public URL is none.
    public func application(
        host: String = "127.0.0.1",
        port: Int = 8000,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> some ApplicationProtocol {
        guard agents.duplicates.isEmpty else { throw ServerError.duplicateAgents(agents.duplicates) }
        try configuration.validate()
        return Application(
            router: router(),
            server: HTTPServerBuilder { [configuration, logger] responder in
                ConnectionChannel(configuration: configuration, logger: logger, responder: responder)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), serverName: "SimpleACP"),
            // Ends after the last connection, and so after the last run.
            services: links.map { [$0] } ?? [],
            onServerRunning: { [logger] channel in
                do {
                    try await channel.eventLoop.submit {
                        try channel.pipeline.syncOperations.addHandler(
                            AcceptPauseHandler(logger: logger), position: .first)
                    }.get()
                } catch {
                    // It is closed already.
                    logger.debug("the listening socket is closed", metadata: ["reason": "\(error)"])
                }
                // Connections are served when this has returned. A listener may well wait for one of its own, so it is not
                // waited for.
                Task { await onListening(channel.localAddress?.port ?? port) }
            },
            logger: logger
        )
    }

    /// All routes of the protocol, to be served together with others.
    public func router() -> Router<ServerRequestContext> {
        let router = Router(context: ServerRequestContext.self, options: .autoGenerateHeadEndpoints)
        let failures = FailureLog(limiter: engine.logLimiter)
        let methods = RouteMethods()
        router.add(middleware: ErrorMiddleware(failures: failures, methods: methods))
        HealthRoutes(engine: engine, authentication: configuration.authentication).add(to: router.group())
        let budgets = ServerBudgets(configuration.limits)
        let group = router.group()
        if let authentication = configuration.authentication {
            group.add(middleware: AuthenticationMiddleware(authentication: authentication))
        }
        group.add(middleware: ResponseBudgetMiddleware(budgets: budgets))
        AgentRoutes(agents: agents).add(to: group)
        RunRoutes(
            engine: engine, configuration: configuration, pulse: StreamPulse(interval: configuration.keepAliveInterval),
            failures: failures, budgets: budgets
        ).add(to: group)
        let sessions = SessionRoutes(engine: engine, configuration: configuration, budgets: budgets)
        sessions.add(to: group)
        if let signing = configuration.urlSigning {
            let access = ResourceAccessMiddleware<ServerRequestContext>(
                signing: signing, authentication: configuration.authentication)
            sessions.addResources(
                to: router.group().add(middleware: access).add(middleware: ResponseBudgetMiddleware(budgets: budgets)))
        } else {
            sessions.addResources(to: group)
        }
        ProcessRoutes(engine: engine).add(to: group)
        methods.learn(from: router)
        return router
    }
}

/// The HTTP side until the shutdown, and then for as long as its last connections may take.
private struct Connections<Application: ApplicationProtocol>: Service {
    let application: Application
    let closingGrace: Duration

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            group.addTask {
                try await gracefulShutdown()
                try await Task.sleep(for: closingGrace)
            }
            // Either it has ended by itself, or what is left of it is cancelled now.
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

extension IOError {
    /// What the operating system says, without the name of its call.
    fileprivate var localizedReason: String {
        switch errnoCode {
        case EADDRINUSE: "the address is in use"
        case EACCES: "this needs more permissions"
        case EADDRNOTAVAIL: "this machine does not have that address"
        default: "\(self)"
        }
    }
}
