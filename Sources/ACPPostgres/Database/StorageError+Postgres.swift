// SPDX-License-Identifier: Apache-2.0

import ACPStorage

extension StorageError {
    /// What PostgreSQL or libpq said, in the storage's terms.
    ///
    /// - Parameters:
    ///   - error: What went wrong.
    ///   - action: What was being done, as the beginning of a sentence: "Committing to run 1".
    ///   - changes: Whether that was a write. If its answer was lost, nobody knows whether it happened.
    ///   - place: The server and the database, without a secret.
    init(_ error: PostgresError, doing action: String, changes: Bool, place: String) {
        func made(_ code: Code, _ text: String) -> StorageError {
            StorageError(code, "\(action) failed in \(place): \(text)", cause: error)
        }
        switch error.code {
        case .connectFailed: self = Self.connecting(error, made)
        case .connectionLost:
            self = made(changes ? .outcomeUnknown : .cannotConnect, "\(error.message). The next call connects anew")
        case .timedOut:
            self = made(
                changes ? .outcomeUnknown : .timedOut, "\(error.message). Look at the server and the network before it")
        case .poolExhausted:
            self = made(
                .timedOut, "\(error.message). Allow more connections (maximumConnections), or find slow statements")
        case .cancelled: self = made(.timedOut, error.message)
        case .closed: self = StorageError(.closed, "the PostgreSQL storage was closed", cause: error)
        case .unexpectedResponse: self = made(changes ? .outcomeUnknown : .cannotConnect, error.message)
        default: self = Self.statement(error, changes: changes, made)
        }
    }

    /// The server does not say in numbers why it lets nobody in, not through libpq: its words are all there is. In other languages
    /// they are passed on as they are.
    private static func connecting(_ error: PostgresError, _ made: (Code, String) -> StorageError) -> StorageError {
        let message = error.message
        let remedies: [(sign: String, code: Code, remedy: String)] = [
            ("password authentication failed", .refused, "Check the user and the password"),
            ("no password supplied", .refused, "The server wants a password: put it into the URL or PGPASSWORD"),
            ("no pg_hba.conf entry", .refused, "The server does not let this user in from here: see its pg_hba.conf"),
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
                "A pooler is in between that does not accept this storage's settings: add startup_options=no to the URL "
                    + "(sendsStartupOptions in PostgresStorage.Configuration), or let PgBouncer ignore them (ignore_startup_parameters)"
            ),
            ("too many clients", .cannotConnect, "Raise max_connections, or lower maximumConnections of the storages"),
            (
                "remaining connection slots", .cannotConnect,
                "Raise max_connections, or lower maximumConnections of the storages"
            ),
        ]
        let found = remedies.first { message.contains($0.sign) }
        return made(
            found?.code ?? .cannotConnect,
            found.map { message + (message.hasSuffix("?") ? " " : ". ") + $0.remedy } ?? message)
    }

    private static func statement(
        _ error: PostgresError, changes: Bool, _ made: (Code, String) -> StorageError
    ) -> StorageError {
        let message = error.message
        switch error.sqlState ?? "" {
        case "57014":
            return made(
                .timedOut, "\(message). Nothing was changed. Raise statementTimeout, or find what holds the server up")
        case "40001", "40P01", "55P03": return made(.timedOut, "\(message). Nothing was changed; try again")
        case "25006":
            return made(
                .refused,
                "\(message): the server is a standby, or this role or database is read-only. With several hosts in the URL, "
                    + "target_session_attrs=read-write finds the one that is not")
        case "42501":
            return made(
                .refused,
                "\(message). Nothing was changed. The role needs USAGE on the schema, SELECT, INSERT, UPDATE and DELETE on the "
                    + "tables acp_…, and EXECUTE on the functions acp_…: GRANT it what it lacks, or use the role that made them"
            )
        case "42P01", "42883", "3F000":
            return made(
                .refused,
                "\(message). The tables are not there (any more): run the SQL that `acp storage schema` prints")
        case "26000", "42P05":
            return made(
                .refused,
                "\(message). A pooler that shares connections and does not know prepared statements is in between: add "
                    + "prepared_statements=no to the URL (preparesStatements in PostgresStorage.Configuration), or connect directly"
            )
        case "53100", "53200", "53400", "54000":
            return made(.full, "\(message). Nothing of it was stored. Make room on the server")
        case let state where state.hasPrefix("57P") || state.hasPrefix("08"):
            return made(changes ? .outcomeUnknown : .cannotConnect, "\(message). The next call connects anew")
        default: return made(.refused, message)
        }
    }
}
