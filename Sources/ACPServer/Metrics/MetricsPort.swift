// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import HummingbirdCore
import NIOCore
import ServiceLifecycle

extension ACPServer {
    /// Serves `/metrics` on a port of its own, if the configuration has one.
    var metricsServices: [ServiceGroupConfiguration.ServiceConfiguration] {
        guard let endpoint = configuration.metrics, let port = endpoint.port else { return [] }
        let host = endpoint.host ?? configuration.host
        let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
        MetricsRoutes(engine: engine, metrics: endpoint.metrics).add(to: router)
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "SimpleACP"),
            onServerRunning: { channel in
                guard let onListening = endpoint.onListening else { return }
                // Unstructured for the same reason as in `application(onListening:)`. It ends when `onListening` returns.
                Task { await onListening(channel.localAddress?.port ?? port) }
            },
            logger: logger)
        let connections = Connections(application: application, closingGrace: configuration.closingGrace)
        return [.init(service: MetricsPort(connections: connections, host: host, port: port))]
    }
}

/// Why `/metrics` cannot be served on a port of its own.
struct MetricsPortError: Error {
    let host: String
    let port: Int
    let reason: String
}

/// The port of `/metrics`, whose errors name it.
private struct MetricsPort<Application: ApplicationProtocol>: Service {
    let connections: Connections<Application>
    let host: String
    let port: Int

    func run() async throws {
        do {
            try await connections.run()
        } catch let error as IOError {
            throw MetricsPortError(host: host, port: port, reason: error.localizedReason)
        } catch let error as SocketAddressError.UnknownHost {
            throw MetricsPortError(host: host, port: port, reason: error.errorDescription)
        }
    }
}
