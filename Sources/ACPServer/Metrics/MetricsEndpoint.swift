// SPDX-License-Identifier: Apache-2.0

public import ACPMetrics

/// Exports the metrics of a server at `/metrics`, in the text format of Prometheus.
///
/// ```swift
/// let metrics = PrometheusMetrics()
/// MetricsSystem.bootstrap(metrics)
/// var configuration = ServerConfiguration()
/// configuration.metrics = MetricsEndpoint(metrics, port: 9464)
/// ```
///
/// On the server's own port, `/metrics` requires the server's authentication. On a port of its own it requires none:
/// do not make that port reachable from outside.
public struct MetricsEndpoint: Sendable {
    /// What is exported.
    public var metrics: PrometheusMetrics
    /// The port at which `/metrics` is served. If `nil`, the server's own port. If 0, the operating system chooses a free
    /// port.
    public var port: Int?
    /// The address of a port of its own. If `nil`, that of the server.
    public var host: String?
    /// Called once, with the port, when a port of its own accepts connections.
    public var onListening: (@Sendable (Int) async -> Void)?

    /// Creates the configuration of an endpoint.
    ///
    /// - Parameters:
    ///   - metrics: What is exported. Unless `EngineConfiguration.metricsFactory` is set, the server and its
    ///     engine record here. Storages and other libraries do so if `MetricsSystem` was bootstrapped with it.
    ///   - port: The port. Defaults to that of the server.
    ///   - host: The address of a port of its own. Defaults to that of the server.
    public init(_ metrics: PrometheusMetrics, port: Int? = nil, host: String? = nil) {
        self.metrics = metrics
        self.port = port
        self.host = host
    }
}
