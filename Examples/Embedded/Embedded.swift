// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// A web application that has routes, a request context and middleware of its own, and serves agents beside them.
@main
struct Embedded {
    /// The application's context: a request has a customer.
    struct CustomerContext: RequestContext, RemoteAddressRequestContext {
        var coreContext: CoreRequestContextStorage
        let remoteAddress: SocketAddress?
        var customer: String?

        init(source: ApplicationRequestContextSource) {
            coreContext = CoreRequestContextStorage(source: source)
            remoteAddress = source.channel.remoteAddress
        }
    }

    /// Reads the customer from a header, for all routes of the application.
    struct CustomerMiddleware: RouterMiddleware {
        func handle(
            _ request: Request, context: CustomerContext, next: (Request, CustomerContext) async throws -> Response
        ) async throws -> Response {
            var context = context
            if let name = HTTPField.Name("X-Customer") { context.customer = request.headers[name] }
            return try await next(request, context)
        }
    }

    static func main() async throws {
        let logger = Logger(label: "embedded")
        let port = ProcessInfo.processInfo.environment["PORT"].flatMap { Int($0) } ?? 8000

        let agents = ACPServer(
            storage: MemoryStorage(),
            configuration: ServerConfiguration(publicURL: "http://127.0.0.1:\(port)/agents-api"),
            logger: logger)
        try agents.addAgent("greeter", description: "Greets its caller") { context in
            "Hello, \(context.input.first?.text ?? "World")!"
        }

        let router = Router(context: CustomerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: CustomerMiddleware())
        router.get("orders") { _, context in "Orders of \(context.customer ?? "nobody")" }
        agents.addRoutes(to: router.group("agents-api"))

        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            logger: logger)
        // The engine is shut down first: runs end while their callers are still connected.
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: application), .init(service: agents.engine)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(60)
        try await ServiceGroup(configuration: configuration).run()
    }
}
