// SPDX-License-Identifier: Apache-2.0

/// What PostgreSQL or libpq said: the cause of a `StorageError`.
public struct PostgresError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where it went wrong.
    public enum Kind: Sendable, Hashable {
        /// The connection could not be made.
        case connect
        /// The connection was lost after a statement had been sent.
        case connectionLost
        /// The server answered with an error: nothing of the statement happened.
        case server
        /// No connection became free in time. Nothing was sent.
        case poolExhausted
        /// The server did not answer in time, and the connection was given up.
        case noAnswer
        /// The caller was cancelled. What had been sent may have happened.
        case cancelled
        /// The storage was closed.
        case closed
        /// The answer is not what was expected.
        case unexpected
    }

    /// Where it went wrong.
    public var kind: Kind
    /// The five characters that say what the server did not like, such as `42501`.
    public var sqlState: String?
    /// The server's or libpq's words. Never holds a password.
    public var message: String

    public var description: String { sqlState.map { "\(message) [\($0)]" } ?? message }

    init(_ kind: Kind, _ message: String, sqlState: String? = nil) {
        self.kind = kind
        self.message = message
        self.sqlState = sqlState
    }

    /// The connection is of no use after this.
    var endsConnection: Bool {
        switch kind {
        case .connectionLost, .noAnswer, .unexpected: true
        // A server that is read-only now was the primary when this connection was made: another one may be by now.
        case .server: sqlState == "25006" || sqlState.map { $0.hasPrefix("57P") || $0.hasPrefix("08") } ?? false
        default: false
        }
    }

    /// The server rolled the statement back for reasons that have nothing to do with it: it may be sent again at once.
    var isCollision: Bool { sqlState == "40001" || sqlState == "40P01" }
}
