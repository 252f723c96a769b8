// SPDX-License-Identifier: Apache-2.0

/// Limits of the connections of an ``ACPServer``: how many are served, and how long a client may take.
///
/// The defaults suit a small machine with the usual limit of 1,024 open files per process. They apply to servers that
/// ``ACPServer`` runs, and to ``ACPServer/application(onListening:)``.
public struct ConnectionConfiguration: Sendable, Hashable {
    /// The maximum number of connections that are served at the same time.
    ///
    /// Further connections receive 503 and are closed, except that ``reserve`` of them may still request `/ping`,
    /// `/healthz` and `/readyz`.
    ///
    /// It is also the maximum number of requests of all HTTP/2 connections that are processed at the same time. Further
    /// ones receive 503, with the same exception.
    public var maximumCount: Int
    /// The number of connections beyond ``maximumCount`` that are accepted for health checks.
    public var reserve: Int
    /// How long the head of a request may take, from the opening of the connection or from the first byte of a later
    /// request.
    ///
    /// A connection that has not sent a complete head by then receives 408 and is closed. A connection that has sent
    /// nothing is closed without a response.
    public var headTimeout: Duration
    /// How long the body of a request may take before ``minimumBodyRate`` applies.
    public var bodyGrace: Duration
    /// The minimum rate of a request body, in bytes per second, on average after ``bodyGrace``. If 0, any rate is
    /// allowed.
    ///
    /// A slower body is rejected with 408. Time in which the server itself does not read is not counted.
    public var minimumBodyRate: Int
    /// How long the body of a request may take in total. A body that takes longer is rejected with 408.
    public var bodyTimeout: Duration
    /// How long a client may accept no byte of a response or a stream before its connection is closed.
    ///
    /// With HTTP/2, the request is ended by a reset of its stream. The connection is closed only if the client accepts
    /// nothing on any of its streams.
    ///
    /// The time is measured from the first check that finds the connection stalled, which follows within a quarter of
    /// it.
    public var writeTimeout: Duration
    /// How long the rest of a request is read and discarded after its response, before its connection is closed.
    ///
    /// At most twice ``ServerConfiguration/maximumBodySize`` is discarded, or 1 MiB if that is more.
    public var drainTimeout: Duration
    /// The maximum number of requests that a client can have open at the same time on one HTTP/2 connection.
    ///
    /// Clients learn it when they connect, and wait with further requests. A connection that exceeds it is closed.
    /// Values below 100 can close connections of clients that do not wait for the server's settings.
    public var maximumStreams: Int

    /// Creates limits.
    ///
    /// - Parameters:
    ///   - maximumCount: Defaults to 900.
    ///   - reserve: Defaults to 24.
    ///   - headTimeout: Defaults to 10 seconds.
    ///   - bodyGrace: Defaults to 10 seconds.
    ///   - minimumBodyRate: Defaults to 1,024 bytes per second.
    ///   - bodyTimeout: Defaults to 2 minutes.
    ///   - writeTimeout: Defaults to 30 seconds.
    ///   - drainTimeout: Defaults to 5 seconds.
    ///   - maximumStreams: Defaults to 100.
    public init(
        maximumCount: Int = 900,
        reserve: Int = 24,
        headTimeout: Duration = .seconds(10),
        bodyGrace: Duration = .seconds(10),
        minimumBodyRate: Int = 1_024,
        bodyTimeout: Duration = .seconds(120),
        writeTimeout: Duration = .seconds(30),
        drainTimeout: Duration = .seconds(5),
        maximumStreams: Int = 100
    ) {
        self.maximumCount = maximumCount
        self.reserve = reserve
        self.headTimeout = headTimeout
        self.bodyGrace = bodyGrace
        self.minimumBodyRate = minimumBodyRate
        self.bodyTimeout = bodyTimeout
        self.writeTimeout = writeTimeout
        self.drainTimeout = drainTimeout
        self.maximumStreams = maximumStreams
    }
}
