// SPDX-License-Identifier: Apache-2.0

/// Limits of the connections of an ``ACPServer``: how many there may be, and how long a client may take.
///
/// The defaults suit a small machine with the usual limit of 1,024 open files per process. They apply to servers that
/// ``ACPServer`` runs, and to ``ACPServer/application(host:port:onListening:)``.
public struct ConnectionConfiguration: Sendable, Hashable {
    /// How many connections are served at the same time.
    ///
    /// Further connections get 503 and are closed, except that ``reserve`` of them may still ask for `/ping`, `/healthz` and
    /// `/readyz`.
    public var maximumCount: Int
    /// How many connections beyond ``maximumCount`` are accepted for requests of health routes.
    public var reserve: Int
    /// How long a request's head may take, from the opening of the connection or from the first byte of a later request.
    ///
    /// A connection that has not sent a complete head by then gets 408 and is closed. One that has sent nothing is closed
    /// without a response.
    public var headTimeout: Duration
    /// How long a request's body may take before ``minimumBodyRate`` applies.
    public var bodyGrace: Duration
    /// How many bytes per second of a request's body have to arrive, on average after ``bodyGrace``. If 0, any rate is allowed.
    ///
    /// A body that is slower is refused with 408. The time in which the server itself does not read is not counted.
    public var minimumBodyRate: Int
    /// How long a request's body may take altogether. A body that takes longer is refused with 408.
    public var bodyTimeout: Duration
    /// How long a client may accept no byte of a response or a stream before its connection is closed.
    ///
    /// It is measured from the first check that finds the connection stalled, which follows within a quarter of this time.
    public var writeTimeout: Duration
    /// How long the rest of a request that has been responded to is read and discarded before its connection is closed.
    ///
    /// As many bytes are discarded as two bodies of the largest size have, and at least 1 MiB.
    public var drainTimeout: Duration

    /// - Parameters:
    ///   - maximumCount: Defaults to 900.
    ///   - reserve: Defaults to 24.
    ///   - headTimeout: Defaults to 10 seconds.
    ///   - bodyGrace: Defaults to 10 seconds.
    ///   - minimumBodyRate: Defaults to 1,024 bytes per second.
    ///   - bodyTimeout: Defaults to 2 minutes.
    ///   - writeTimeout: Defaults to 30 seconds.
    ///   - drainTimeout: Defaults to 5 seconds.
    public init(
        maximumCount: Int = 900,
        reserve: Int = 24,
        headTimeout: Duration = .seconds(10),
        bodyGrace: Duration = .seconds(10),
        minimumBodyRate: Int = 1_024,
        bodyTimeout: Duration = .seconds(120),
        writeTimeout: Duration = .seconds(30),
        drainTimeout: Duration = .seconds(5)
    ) {
        self.maximumCount = maximumCount
        self.reserve = reserve
        self.headTimeout = headTimeout
        self.bodyGrace = bodyGrace
        self.minimumBodyRate = minimumBodyRate
        self.bodyTimeout = bodyTimeout
        self.writeTimeout = writeTimeout
        self.drainTimeout = drainTimeout
    }
}
