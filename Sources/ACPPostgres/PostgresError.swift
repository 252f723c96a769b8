// SPDX-License-Identifier: Apache-2.0

/// An error of PostgreSQL or libpq: the cause of a `StorageError`.
public struct PostgresError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of an error: where it happened.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The name of the code, for logs.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// No connection could be made.
        public static let connectFailed = Code("connectFailed")
        /// The connection was lost after a statement had been sent.
        public static let connectionLost = Code("connectionLost")
        /// The server reported an error, and rolled the statement back.
        public static let serverError = Code("serverError")
        /// No connection became free in time. Nothing was sent.
        public static let poolExhausted = Code("poolExhausted")
        /// The server did not respond in time, and the connection was closed. The statement may have been executed.
        public static let timedOut = Code("timedOut")
        /// The calling task was cancelled. A statement that had been sent may have been executed.
        public static let cancelled = Code("cancelled")
        /// The storage was closed.
        public static let closed = Code("closed")
        /// The server's response is not the expected one.
        public static let unexpectedResponse = Code("unexpectedResponse")
    }

    /// The kind of this error.
    public var code: Code
    /// The five characters with which the server identifies the error, such as `42501`. `nil` if the server did not
    /// report it.
    public var sqlState: String?
    /// The message of the server or of libpq. Never contains a password.
    public var message: String

    /// The message, with the SQLSTATE if there is one.
    public var description: String { sqlState.map { "\(message) [\($0)]" } ?? message }

    init(_ code: Code, _ message: String, sqlState: String? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
    }

    /// Whether the connection cannot be used after this error.
    var endsConnection: Bool {
        switch code {
        case .connectionLost, .timedOut, .unexpectedResponse: true
        // A server that is read-only now was the primary when this connection was made: another one may be by now.
        case .serverError:
            sqlState == "25006" || sqlState.map { $0.hasPrefix("57P") || $0.hasPrefix("08") } ?? false
        default: false
        }
    }

    /// Whether the server rolled the statement back because of a concurrent one, so that it may be sent again at once.
    var isCollision: Bool { sqlState == "40001" || sqlState == "40P01" }

    /// Whether a lock was not available within the server's `lock_timeout`.
    var isLockTimeout: Bool { sqlState == "55P03" }
}
