// SPDX-License-Identifier: Apache-2.0

import Metrics
import NIOCore

/// The metrics of a client.
struct RedisMetrics: Sendable {
    /// Commands sent by callers, those of pipelines one by one.
    let commands: Counter
    /// How long requests took in all.
    let latency: Metrics.Timer
    let pool: Pool
    let leasedPool: Pool
    private let factory: any MetricsFactory

    struct Pool: Sendable {
        let connections: Gauge
        let waiters: Gauge
        let connectFailures: Counter

        init(_ name: String, _ factory: any MetricsFactory) {
            let dimensions = [("pool", name)]
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
        self.commands = Counter(label: "redis_client_commands", factory: factory)
        self.latency = Metrics.Timer(label: "redis_client_latency", factory: factory)
        self.pool = Pool("shared", factory)
        self.leasedPool = Pool("leased", factory)
    }

    func failed(_ error: RedisError) {
        // Made when it is needed: errors are rare, and their kinds are the dimension.
        Counter(label: "redis_client_errors", dimensions: [("code", error.code.description)], factory: self.factory)
            .increment()
    }

    func finished(commands: Int, since start: NIODeadline) {
        self.commands.increment(by: commands)
        self.latency.recordNanoseconds((NIODeadline.now() - start).nanoseconds)
    }
}
