// SPDX-License-Identifier: Apache-2.0

/// An error thrown by the client.
///
/// ``code`` identifies the kind of failure, ``message`` describes the cause and, where possible, the remedy.
/// ``mayHaveExecuted`` decides whether a command can be retried safely.
///
/// ```swift
/// do {
///     try await client.incr("visits")
/// } catch let error as RedisError where !error.mayHaveExecuted {
///     // The command was certainly not executed: it can be sent again.
/// }
/// ```
public struct RedisError: Error, Sendable {
    // The results of a pipeline store this type inline, so it has the size of one reference.
    private final class Storage: Sendable {
        let code: Code
        let message: String
        let cause: (any Error)?
        let mayHaveExecuted: Bool

        init(code: Code, message: String, cause: (any Error)?, mayHaveExecuted: Bool) {
            self.code = code
            self.message = message
            self.cause = cause
            self.mayHaveExecuted = mayHaveExecuted
        }
    }

    private let storage: Storage

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: The cause and the remedy. Must not contain secrets or command arguments.
    ///   - cause: The underlying error, if there is one.
    ///   - mayHaveExecuted: Whether the server may have executed the command. Defaults to `false`.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil, mayHaveExecuted: Bool = false) {
        storage = Storage(code: code, message: message, cause: cause, mayHaveExecuted: mayHaveExecuted)
    }

    /// The kind of failure.
    public var code: Code { storage.code }
    /// The cause and the remedy. Contains no secrets and no command arguments.
    public var message: String { storage.message }
    /// The underlying error: a socket or TLS error, a ``RESPDecodingError``, or the error reply of the server as a
    /// ``ServerReply``.
    public var cause: (any Error)? { storage.cause }
    /// A Boolean value that indicates whether the server may have executed the command although its reply is missing.
    ///
    /// If `false`, the command was certainly not executed, and sending it again cannot execute it twice.
    ///
    /// The value covers all attempts: once a reply was lost it is `true`, whatever the result of the attempts that
    /// follow, including an error reply.
    public var mayHaveExecuted: Bool { storage.mayHaveExecuted }

    /// The error reply of the server, or `nil` if the failure has another cause.
    public var serverReply: RESPError? { (cause as? ServerReply)?.error }

    /// An error reply as the cause of a ``RedisError``.
    public struct ServerReply: Error, Hashable, Sendable, CustomStringConvertible {
        /// The error reply.
        public var error: RESPError
        /// The text of the reply.
        public var description: String { error.message }
    }
}

extension RedisError {
    /// A kind of failure.
    ///
    /// More kinds may be added; compare with the constants and handle all others alike.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind, as it appears in logs and metrics.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// No connection could be established within the time limit.
        public static let connectFailed = Code("connectFailed")
        /// No reply arrived within the time limit.
        public static let timedOut = Code("timedOut")
        /// The connection was lost after the command may have been sent and before its reply arrived.
        public static let outcomeUnknown = Code("outcomeUnknown")
        /// The connection was lost before the command was sent. The client retries such commands.
        public static let neverSent = Code("neverSent")
        /// The client, or the leased connection, was closed.
        public static let closed = Code("closed")
        /// All connections were at their limit until the deadline of the command, or too many callers were waiting.
        public static let poolExhausted = Code("poolExhausted")
        /// The server rejected the user name and password, or requires authentication.
        public static let authenticationFailed = Code("authenticationFailed")
        /// The user is not allowed to use the command, key or channel (`NOPERM`).
        public static let permissionDenied = Code("permissionDenied")
        /// The server is a replica and refuses writes (`READONLY`).
        public static let readOnly = Code("readOnly")
        /// The server has no memory left for writes (`OOM`).
        public static let outOfMemory = Code("outOfMemory")
        /// The server is still reading its data from disk (`LOADING`).
        public static let loading = Code("loading")
        /// The cluster, or the shard that serves the key, does not accept commands (`CLUSTERDOWN`), or the keys are
        /// being migrated (`TRYAGAIN`). The client retries within the time limit.
        public static let clusterDown = Code("clusterDown")
        /// Another server of the cluster serves the key (`MOVED`, `ASK`), and the client could not follow the
        /// redirection.
        public static let redirected = Code("redirected")
        /// Any other error reply; see ``RedisError/serverReply``.
        public static let serverError = Code("serverError")
        /// The server sent data that is not RESP, or a reply that does not match the command.
        public static let protocolError = Code("protocolError")
        /// A reply has another type than the function expects.
        public static let unexpectedReply = Code("unexpectedReply")
        /// A URL or an option of the configuration is invalid.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// The command cannot be sent with this function; the message names the one to use.
        public static let invalidCommand = Code("invalidCommand")
        /// A transaction was not executed because a watched key changed.
        public static let transactionAborted = Code("transactionAborted")
        /// The calling task was cancelled.
        public static let cancelled = Code("cancelled")
    }
}

extension RedisError: CustomStringConvertible {
    /// The code, the message and the cause.
    public var description: String {
        guard let cause = self.cause, !(cause is ServerReply) else { return "\(code): \(message)" }
        return "\(code): \(message) (\(cause))"
    }
}

extension RedisError {
    /// Creates the error for an error reply of the server, with the code and the remedy for its prefix.
    ///
    /// An adapter for another client library creates its errors with it, so that ``serverReply`` is set.
    ///
    /// - Parameter reply: The error reply. Arguments of commands are removed from its text.
    public init(reply: RESPError) {
        let reply = reply.withoutArguments
        let code: Code
        var remedy = ""
        switch reply.prefix {
        case "WRONGPASS", "NOAUTH":
            code = .authenticationFailed
            remedy = " Check the user name and password of the configuration."
        case "NOPERM":
            code = .permissionDenied
            remedy = " Grant it to the user with ACL SETUSER, or use another user."
        case "READONLY":
            code = .readOnly
            remedy = " Point the client to the master, or wait for the failover to end."
        case "OOM":
            code = .outOfMemory
            remedy = " Raise maxmemory, free memory or choose an eviction policy."
        case "LOADING": code = .loading
        case "CLUSTERDOWN":
            code = .clusterDown
            remedy = " Check with redis-cli --cluster check that a master serves every slot."
        case "TRYAGAIN": code = .clusterDown
        case "MOVED", "ASK":
            code = .redirected
            remedy = " The server belongs to a Redis Cluster: use redis+cluster://."
        case "CROSSSLOT":
            code = .invalidCommand
            remedy = " Give the keys a common hash tag, as in {name}."
        case "EXECABORT": code = .transactionAborted
        default: code = .serverError
        }
        self.init(code, "The server replied: \(reply.message)\(remedy)", cause: ServerReply(error: reply))
    }

    /// Whether the server certainly did not execute the command and another attempt may succeed.
    var isRejectionBeforeExecution: Bool {
        guard let prefix = serverReply?.prefix else { return false }
        return prefix == "READONLY" || prefix == "LOADING" || prefix == "MASTERDOWN"
    }

    /// Whether the server did not execute the command because of its role in the topology: another server, or the same
    /// one later, can execute it.
    var isRefusalByTopology: Bool {
        switch serverReply?.prefix {
        case "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "MOVED", "ASK": true
        default: false
        }
    }

    static func unexpected(_ value: RESPValue, expected: String) -> RedisError {
        if let error = value.error { return RedisError(reply: error) }
        return RedisError(.unexpectedReply, "The reply is \(value.typeName) where \(expected) was expected.")
    }
}

extension RESPValue {
    /// The type of the value, for messages that must not contain the value.
    var typeName: String {
        switch self {
        case .simpleString: "a simple string"
        case .simpleError, .bulkError: "an error"
        case .integer: "an integer"
        case .bulkString: "a bulk string"
        case .array: "an array"
        case .null: "null"
        case .double: "a double"
        case .boolean: "a boolean"
        case .bigNumber: "a big number"
        case .verbatimString: "a verbatim string"
        case .map: "a map"
        case .set: "a set"
        }
    }
}
