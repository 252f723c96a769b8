// SPDX-License-Identifier: Apache-2.0

import ACPStorage

extension StorageError {
    /// Converts an error of PostgreSQL or libpq.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - action: The operation, as the beginning of a sentence: "Committing to run 1".
    ///   - changes: Whether the operation writes. If the response to a write was lost, its outcome is unknown.
    ///   - location: The server and the database, without a secret.
    init(_ error: PostgresError, doing action: String, changes: Bool, location: String) {
        func makeError(_ code: Code, _ text: String) -> StorageError {
            StorageError(code, "\(action) failed in \(location): \(text)", cause: error)
        }
        switch error.code {
        case .connectFailed: self = Self.connecting(error, makeError)
        case .connectionLost:
            self = makeError(
                changes ? .outcomeUnknown : .cannotConnect, "\(error.message). The next call connects anew")
        case .timedOut:
            self = makeError(
                changes ? .outcomeUnknown : .timedOut, "\(error.message). Check the server and the network")
        case .poolExhausted:
            self = makeError(
                .timedOut, "\(error.message). Allow more connections (maximumConnections), or find slow statements")
        case .cancelled: self = makeError(.timedOut, error.message)
        case .closed: self = StorageError(.closed, "the PostgreSQL storage was closed", cause: error)
        case .unexpectedResponse: self = makeError(changes ? .outcomeUnknown : .cannotConnect, error.message)
        default: self = Self.statement(error, changes: changes, makeError)
        }
    }

    /// libpq does not report a code for a failed connection, only the server's message. Messages in other languages are
    /// passed on unchanged.
    private static func connecting(_ error: PostgresError, _ makeError: (Code, String) -> StorageError) -> StorageError
    {
        let message = error.message
        let remedies: [(sign: String, code: Code, remedy: String)] = [
            ("password authentication failed", .refused, "Check the user and the password"),
            ("no password supplied", .refused, "The server requires a password: add it to the URL or set PGPASSWORD"),
            (
                "no pg_hba.conf entry", .refused,
                "The server does not accept this user from this address: see its pg_hba.conf"
            ),
            ("authentication failed", .refused, "Check the user and how the server identifies it (pg_hba.conf)"),
            ("database \"", .refused, "Create the database (createdb), or name another one in the URL"),
            ("role \"", .refused, "Create the role (createuser), or name another user in the URL"),
            ("permission denied", .refused, "GRANT CONNECT ON DATABASE to this user"),
            ("SSL", .refused, "Check sslmode and the certificates in the URL"),
            ("certificate", .refused, "Check sslmode and the certificates in the URL"),
            ("invalid", .refused, "Check the parameters in the URL"),
            ("Connection refused", .cannotConnect, "Start the server, or correct the address"),
            ("could not translate host name", .cannotConnect, "Check the host in the URL"),
            ("starting up", .cannotConnect, "Wait a moment"),
            (
                "unsupported startup parameter", .refused,
                "A pooler does not accept this storage's settings: add startup_options=no to the URL "
                    + "(sendsStartupOptions in PostgresStorage.Configuration), or let PgBouncer ignore them "
                    + "(ignore_startup_parameters)"
            ),
            ("too many clients", .cannotConnect, "Raise max_connections, or lower maximumConnections of the storages"),
            (
                "remaining connection slots", .cannotConnect,
                "Raise max_connections, or lower maximumConnections of the storages"
            ),
        ]
        let found = remedies.first { message.contains($0.sign) }
        return makeError(
            found?.code ?? .cannotConnect,
            found.map { message + (message.hasSuffix("?") ? " " : ". ") + $0.remedy } ?? message)
    }

    private static func statement(
        _ error: PostgresError, changes: Bool, _ makeError: (Code, String) -> StorageError
    ) -> StorageError {
        let message = error.message
        switch error.sqlState ?? "" {
        case "57014":
            return makeError(
                .timedOut, "\(message). Nothing was changed. Raise statementTimeout, or find out what blocks the server"
            )
        case "40001", "40P01", "55P03": return makeError(.timedOut, "\(message). Nothing was changed; try again")
        case "25006":
            return makeError(
                .refused,
                "\(message): the server is a standby, or this role or database is read-only. With several hosts in the "
                    + "URL, "
                    + "target_session_attrs=read-write finds the one that is not")
        case "42501":
            return makeError(
                .refused,
                "\(message). Nothing was changed. The role needs USAGE on the schema, SELECT, INSERT, UPDATE and "
                    + "DELETE on the "
                    + "tables acp_…, and EXECUTE on the functions acp_…: GRANT it what it lacks, or use the role that "
                    + "created them"
            )
        case "42P01", "42883", "3F000":
            return makeError(
                .refused,
                "\(message). The tables do not exist (any more): run the SQL that `acp storage schema` prints")
        case "26000", "42P05":
            return makeError(
                .refused,
                "\(message). A pooler shares connections and does not support prepared statements: add "
                    + "prepared_statements=no to the URL (preparesStatements in PostgresStorage.Configuration), or "
                    + "connect directly"
            )
        case "53100", "53200", "53400", "54000":
            return makeError(.full, "\(message). Nothing was stored. Free space on the server")
        case let state where state.hasPrefix("57P") || state.hasPrefix("08"):
            return makeError(changes ? .outcomeUnknown : .cannotConnect, "\(message). The next call connects anew")
        default: return makeError(.refused, message)
        }
    }
}
