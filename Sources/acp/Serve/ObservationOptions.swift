// SPDX-License-Identifier: Apache-2.0

import ACPMetrics
import ACPServer
import ArgumentParser
import Logging
import Metrics

/// What operators see of a server.
struct ObservationOptions: ParsableArguments {
    @Flag(
        help: "Export metrics in the text format of Prometheus at /metrics, which requires the token if there is one.")
    var metrics = false

    @Option(
        help: """
            Export metrics on this port instead, which requires no token and must not be reachable from outside; 0 for any \
            free port. Implies --metrics.
            """)
    var metricsPort: Int?

    @Option(
        help: "The level of log messages on the standard error: trace, debug, info, notice, warning, error, critical.")
    var logLevel = Logger.Level.warning

    @Option(help: "The format of log messages: text, or json for one object per line.")
    var logFormat = LogFormat.text

    @Flag(
        help: """
            Log one line per request, whatever the level of log messages is: method, route, status, duration, size, run \
            and client, and never contents.
            """)
    var logRequests = false

    func validate() throws {
        guard metricsPort.map((0...65_535).contains) ?? true else {
            throw ValidationError("--metrics-port must be 0 to 65535.")
        }
    }

    /// Sets up logging for the process, and returns the logger of the server.
    func bootstrapLogging() -> Logger {
        LoggingSystem.bootstrap(logFormat.handler)
        var logger = Logger(label: "acp")
        logger.logLevel = logLevel
        return logger
    }

    /// Returns the configuration of `/metrics`. Metrics that are recorded from now on are part of it.
    func metricsEndpoint() -> MetricsEndpoint? {
        guard metrics || metricsPort != nil else { return nil }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        var endpoint = MetricsEndpoint(metrics, port: metricsPort)
        endpoint.onListening = { port in
            try? Console.print("Serving metrics on port \(port)")
        }
        return endpoint
    }
}

/// How log messages are written.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
    case text
    case json

    /// Returns the handler of a logger, which writes to the standard error.
    @Sendable func handler(label: String) -> any LogHandler {
        switch self {
        case .text: StreamLogHandler.standardError(label: label)
        case .json: JSONLogHandler.standardError(label: label)
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
