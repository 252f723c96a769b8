// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
import Foundation
public import Metrics

extension PostgresStorage {
    /// The database of a ``PostgresStorage``, and how it is connected to.
    ///
    /// ```swift
    /// var configuration = PostgresStorage.Configuration(url: "postgresql://localhost/agents")
    /// configuration.maximumConnections = 20
    /// let storage = try PostgresStorage(configuration)
    /// ```
    ///
    /// It has no time to live: in PostgreSQL runs and sessions are kept until they are deleted, one by one or by
    /// ``PostgresStorage/prune(olderThan:)``, which an operator calls when it suits the database.
    public struct Configuration: Sendable {
        /// What libpq and the server can count: milliseconds in 32 bits.
        private static let longestLimit = Duration.milliseconds(Int32.max)

        /// The database as libpq accepts it:
        /// `postgresql://[user[:password]@][host][:port][/database][?parameter=value]`, with all of libpq's parameters
        /// (`sslmode`, `sslrootcert`, `target_session_attrs`, several hosts, …), or `key=value` pairs. Defaults to
        /// `postgresql://localhost`.
        ///
        /// Two more parameters belong to this storage: `prepared_statements` and `startup_options`, which are `yes` or
        /// `no`. White space around the URL is ignored. What the URL leaves out is taken from libpq's environment
        /// variables (`PGHOST`, `PGPASSWORD`, …) and its password file.
        public var url: String
        /// The maximum number of connections for calls. Defaults to 10. Must be 1 or more. One more connection listens
        /// for notifications once a run is watched.
        public var maximumConnections: Int = 10
        /// How long a call waits for a connection while all are busy. Defaults to 10 seconds.
        public var poolTimeout: Duration = .seconds(10)
        /// How long connecting to one host may take, in whole seconds. Defaults to 10 seconds. Must be 2 seconds or
        /// more, which is libpq's minimum. `connect_timeout` in the URL takes precedence.
        public var connectTimeout: Duration = .seconds(10)
        /// How long the server may work on one statement. Defaults to 30 seconds. If `nil`, the server's own limit
        /// applies. A `statement_timeout` in the URL's `options` takes precedence.
        public var statementTimeout: Duration? = .seconds(30)
        /// The longest pause between two attempts to connect. Defaults to 2 seconds. Pauses double from 50 milliseconds
        /// on, and vary at random, so that many processes do not reconnect at the same moment.
        public var maximumBackoff: Duration = .seconds(2)
        /// Whether the storage leaves the tables as they are, because the SQL of ``PostgresStorage/schemaSQL`` is run
        /// separately. Defaults to `false`.
        public var skipsMigrations = false
        /// Whether each statement is prepared once for each connection. Defaults to `true`. Turn it off behind a pooler
        /// that changes the server's connection with every transaction and does not support prepared statements.
        /// `prepared_statements=yes` or `=no` in the URL takes precedence.
        public var preparesStatements = true
        /// Whether ``statementTimeout`` and the isolation level are sent as start-up options. Defaults to `true`. Turn
        /// it off behind a pooler that does not accept them: then the role's own settings apply (`ALTER ROLE … SET
        /// statement_timeout`). `startup_options=yes` or `=no` in the URL takes precedence.
        public var sendsStartupOptions = true
        /// Receives the metrics of the connections. If `nil`, which is the default, the factory with which `MetricsSystem`
        /// was bootstrapped when the storage is created.
        public var metricsFactory: (any MetricsFactory)?

        /// Creates a configuration for the database of a URL.
        ///
        /// - Parameter url: The database, see ``url``. Defaults to `postgresql://localhost`.
        public init(url: String = "postgresql://localhost") { self.url = url }

        /// Creates a configuration from fields.
        ///
        /// - Parameters:
        ///   - host: The server's name or address, or the folder of its Unix socket.
        ///   - port: The server's port. Defaults to 5432.
        ///   - database: The name of the database.
        ///   - user: The role. If `nil`, libpq's default, which usually is the name of the operating system's user.
        ///   - password: The role's password. If `nil`, libpq looks for one in `PGPASSWORD` and its password file.
        ///   - sslMode: libpq's TLS mode: `disable`, `prefer`, `require`, `verify-ca` or `verify-full`. If `nil`,
        ///     libpq's default, which is `prefer`.
        public init(
            host: String, port: Int = 5432, database: String, user: String? = nil, password: String? = nil,
            sslMode: String? = nil
        ) {
            let fields = [
                ("host", host), ("port", "\(port)"), ("dbname", database), ("user", user), ("password", password),
                ("sslmode", sslMode),
            ]
            url = fields.compactMap { name, value in
                value.map { "\(name)='\($0.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'" }
            }.joined(separator: " ")
        }

        /// Returns a configuration for the database in the environment variable `DATABASE_URL`, or for
        /// `postgresql://localhost` if that is not set or is empty.
        public static func fromEnvironment() -> Configuration {
            let url = ProcessInfo.processInfo.environment["DATABASE_URL"]
            return url.flatMap { $0.allSatisfy(\.isWhitespace) ? nil : Configuration(url: $0) } ?? Configuration()
        }

        /// Checks what can be checked without a server. The initializers of ``PostgresStorage`` call it.
        ///
        /// - Throws: `StorageError` with code `invalidConfiguration`, whose message names the value and what is
        ///   allowed. It never contains the URL.
        public func validate() throws(StorageError) {
            guard maximumConnections >= 1 else {
                throw StorageError(
                    .invalidConfiguration,
                    "the maximum number of connections is \(maximumConnections); it must be 1 or more")
            }
            try Self.validate(poolTimeout, "pool timeout")
            try Self.validate(connectTimeout, "connect timeout", minimum: .seconds(2))
            if let statementTimeout { try Self.validate(statementTimeout, "statement timeout") }
            try Self.validate(maximumBackoff, "maximum backoff")
            _ = try ConnectionParameters(self)
        }

        private static func validate(
            _ duration: Duration, _ name: String, minimum: Duration = .milliseconds(1)
        ) throws(StorageError) {
            guard duration >= minimum, duration <= longestLimit else {
                throw StorageError(
                    .invalidConfiguration,
                    "the \(name) is \(duration); it must be between \(minimum) and \(longestLimit)")
            }
        }
    }
}
