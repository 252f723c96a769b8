// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where a ``PostgresStorage`` keeps its data, and how it gets there.
public struct PostgresConfiguration: Sendable {
    /// The database as libpq understands it: `postgresql://[user[:password]@][host][:port][/database][?parameter=value]`, with
    /// all of libpq's parameters (`sslmode`, `sslrootcert`, `target_session_attrs`, several hosts, …), or `key=value` pairs. Two
    /// parameters more are this storage's own: `prepared_statements` and `startup_options`, which are `yes` or `no`.
    /// White space around it does not count.
    /// What it leaves out comes from libpq's own environment variables (`PGHOST`, `PGPASSWORD`, …) and its password file.
    public var url: String
    /// How many connections there are at most for calls: 10 unless said otherwise. One more listens, where somebody watches.
    public var maximumConnections: Int = 10
    /// How long a call waits for a connection while all are busy: 10 seconds unless said otherwise.
    public var poolTimeout: Duration = .seconds(10)
    /// How long connecting to one host may take: 10 seconds unless said otherwise. `connect_timeout` in the URL has precedence.
    public var connectTimeout: Duration = .seconds(10)
    /// How long the server may work on one statement: 30 seconds unless said otherwise. Nil: as long as the server allows. A
    /// `statement_timeout` in the URL's `options` has precedence.
    public var statementTimeout: Duration? = .seconds(30)
    /// The longest pause between two attempts to connect: 2 seconds unless said otherwise. Pauses double from 50 milliseconds
    /// on, and vary by chance, so that many processes do not come back at the same moment.
    public var maximumBackoff: Duration = .seconds(2)
    /// Leave the tables as they are: somebody else runs the SQL of ``PostgresStorage/schemaSQL``.
    public var skipMigrations = false
    /// Prepare each statement once for each connection. To be turned off behind a pooler that changes the server's connection
    /// with every transaction and does not know prepared statements. `prepared_statements=yes` or `=no` in the URL has precedence.
    public var preparesStatements = true
    /// Send ``statementTimeout`` and the isolation level as start-up options. To be turned off behind a pooler that does not accept
    /// them: the role's own settings apply then (`ALTER ROLE … SET statement_timeout`). `startup_options=yes` or `=no` in the URL
    /// has precedence.
    public var sendsStartupOptions = true

    /// The database that a URL names.
    public init(url: String) { self.url = url }

    /// The database that these fields name.
    ///
    /// - Parameters:
    ///   - host: The server's name or address, or the folder of its Unix socket.
    ///   - port: Its port.
    ///   - database: The database's name.
    ///   - user: The role to work as. Nil: what libpq takes, the name of the system's user as a rule.
    ///   - password: Its password, if the server wants one.
    ///   - sslMode: What libpq does about TLS: `disable`, `prefer` (which is its default), `require`, `verify-ca`, `verify-full`.
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

    /// What the environment variable `DATABASE_URL` says, and `postgresql://localhost` if it is not set or is empty.
    public static func fromEnvironment() -> PostgresConfiguration {
        let url = ProcessInfo.processInfo.environment["DATABASE_URL"]
        return PostgresConfiguration(
            url: url.flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 } ?? "postgresql://localhost")
    }
}
