// SPDX-License-Identifier: Apache-2.0

import Metrics
import NIOCore

/// The metrics of a client.
struct RedisMetrics: Sendable {
    /// The number of commands sent by callers. The commands of pipelines are counted individually.
    let commands: Counter
    /// The duration of requests, retries included.
    let latency: Metrics.Timer
    private(set) var pool: Pool
    private(set) var leasedPool: Pool
    private let factory: any MetricsFactory

    struct Pool: Sendable {
        let connections: Gauge
        let waiters: Gauge
        let connectFailures: Counter

        init(_ name: String, _ factory: any MetricsFactory, server: RedisAddress? = nil) {
            let dimensions = [("pool", name)] + (server.map { [("server", $0.description)] } ?? [])
            self.connections = Gauge(label: "redis_client_connections", dimensions: dimensions, factory: factory)
            self.waiters = Gauge(label: "redis_client_waiters", dimensions: dimensions, factory: factory)
            self.connectFailures = Counter(
                label: "redis_client_connect_failures", dimensions: dimensions, factory: factory)
        }

        func record(_ connections: Int, waiters: Int) {
            self.connections.record(connections)
            self.waiters.record(waiters)
        }
    }

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        commands = Counter(label: "redis_client_commands", factory: factory)
        latency = Metrics.Timer(label: "redis_client_latency", factory: factory)
        pool = Pool("shared", factory)
        leasedPool = Pool("leased", factory)
    }

    /// Returns the metrics for one of several servers, whose pools are distinguished by the dimension `server`.
    func forServer(_ server: RedisAddress) -> RedisMetrics {
        var metrics = self
        metrics.pool = Pool("shared", factory, server: server)
        metrics.leasedPool = Pool("leased", factory, server: server)
        return metrics
    }

    func recordFailure(_ error: RedisError) {
        // Created on demand: errors are rare, and the code is a dimension.
        Counter(label: "redis_client_errors", dimensions: [("code", error.code.description)], factory: factory)
            .increment()
    }

    func recordCompletion(commands: Int, since start: NIODeadline) {
        self.commands.increment(by: commands)
        latency.recordNanoseconds((NIODeadline.now() - start).nanoseconds)
    }
}
