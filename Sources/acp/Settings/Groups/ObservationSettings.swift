// SPDX-License-Identifier: Apache-2.0

import ACPMetrics
import ACPServer
import Logging
import Metrics

/// The metrics of a server.
struct MetricsSettings: SettingGroup {
    let isEnabled = Setting<Bool?>(
        "metrics.enabled", flag: "metrics", otherwise: "off, unless there is a port for them",
        help: "Export metrics in the text format of Prometheus at /metrics, which requires the token if there is one.")

    let port = Setting<Int?>(
        "metrics.port", flag: "metrics-port", valueName: "port", otherwise: "the port of the server",
        help: """
            Export metrics on this port instead, which requires no token and must not be reachable from outside; 0 for any \
            free port. Implies --metrics.
            """, fault: Rule.within(0...65_535))

    func problems(in values: SettingValues) -> [SettingProblem] {
        if values[port] != nil, values[isEnabled] == false {
            return [
                SettingProblem(
                    [port.key],
                    "\(values.name(of: port)) has no effect, since metrics are turned off by \(values.name(of: isEnabled)): remove one of them"
                )
            ]
        }
        if let port = values[port], port != 0, port == values[ServeSettings.listening.port] {
            let other = values.name(of: ServeSettings.listening.port)
            return [
                SettingProblem(
                    [self.port.key],
                    "\(values.name(of: self.port)) is the port of the server (\(other)): use another one")
            ]
        }
        return []
    }

    /// Returns the configuration of `/metrics`. Metrics that are recorded from now on are part of it.
    func endpoint(_ values: SettingValues) -> MetricsEndpoint? {
        guard values[isEnabled] == true || values[port] != nil else { return nil }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        var endpoint = MetricsEndpoint(metrics, port: values[port])
        endpoint.onListening = { port in
            try? Console.print("Serving metrics on port \(port)")
        }
        return endpoint
    }
}

/// The log messages of a server.
struct LogSettings: SettingGroup {
    let level = Setting(
        "log.level", flag: "log-level", default: Logger.Level.warning,
        help: "The level of log messages on the standard error.")

    let format = Setting(
        "log.format", flag: "log-format", default: LogFormat.text,
        help: "The format of log messages: text, or json for one object per line.")

    let requests = Setting(
        "log.requests", flag: "log-requests", default: false,
        help: """
            Log one line per request, whatever the level of log messages is: method, route, status, duration, size, run \
            and client, and never contents.
            """)

    /// Sets up logging for the process, and returns the logger of the server.
    func bootstrap(_ values: SettingValues) -> Logger {
        LoggingSystem.bootstrap(values[format].handler)
        var logger = Logger(label: "acp")
        logger.logLevel = values[level]
        return logger
    }
}

/// How log messages are written.
enum LogFormat: String, Sendable, CaseIterable {
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
