// SPDX-License-Identifier: Apache-2.0

/// What every throwing function of the client throws.
///
/// ``code`` is for programs, ``message`` for people: it says what went wrong and, where there is one, the remedy.
/// ``mayHaveExecuted`` answers the question that decides about a retry.
public struct RedisError: Error, Sendable {
    // Results of pipelines carry this type in place, so it is kept to the size of one reference.
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

    /// Makes an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil, mayHaveExecuted: Bool = false) {
        storage = Storage(code: code, message: message, cause: cause, mayHaveExecuted: mayHaveExecuted)
    }

    /// The kind of failure.
    public var code: Code { storage.code }
    /// What went wrong, and the remedy. Contains no secrets and no arguments of commands.
    public var message: String { storage.message }
    /// The error below this one: a socket or TLS error, a ``RESPDecodingError``, or the ``RESPError`` of the server
    /// wrapped in ``ServerReply``.
    public var cause: (any Error)? { storage.cause }
    /// The server may have executed the command although there is no reply to tell. False means that it certainly did
    /// not, so that sending it again cannot execute it twice.
    ///
    /// It covers all attempts: once a reply was lost, it is true whatever becomes of the attempts that follow, also if
    /// the server refuses one.
    public var mayHaveExecuted: Bool { storage.mayHaveExecuted }

    /// The error reply of the server, if the failure is one.
    public var serverReply: RESPError? { (cause as? ServerReply)?.error }

    /// An error reply as a cause.
    public struct ServerReply: Error, Hashable, Sendable, CustomStringConvertible {
        /// What the server said.
        public var error: RESPError
        /// The text of the reply.
        public var description: String { error.message }
    }
}

extension RedisError {
    /// The kinds of failures.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind, as it appears in logs and metrics.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// No connection could be made within the time limit.
        public static let connectFailed = Code("connectFailed")
        /// There was no answer within the time limit.
        public static let timedOut = Code("timedOut")
        /// The connection was lost after the command may have left and before its answer came.
        public static let outcomeUnknown = Code("outcomeUnknown")
        /// The connection was lost before the command left. The client retries this by itself.
        public static let neverSent = Code("neverSent")
        /// The client, or the leased connection, was closed.
        public static let closed = Code("closed")
        /// All connections were busy up to their limit for as long as the command could wait, or too many were waiting.
        public static let poolExhausted = Code("poolExhausted")
        /// The server did not accept the user name and password, or wants some.
        public static let authenticationFailed = Code("authenticationFailed")
        /// The user is not allowed to use the command, key or channel (`NOPERM`).
        public static let permissionDenied = Code("permissionDenied")
        /// The server is a replica and refuses writes (`READONLY`).
        public static let readOnly = Code("readOnly")
        /// The server has no memory left for writes (`OOM`).
        public static let outOfMemory = Code("outOfMemory")
        /// The server is still reading its data from disk (`LOADING`).
        public static let loading = Code("loading")
        /// The cluster, or the part of it that is responsible for the key, takes no commands at the moment
        /// (`CLUSTERDOWN`), or is moving the keys right now (`TRYAGAIN`). The client tries again within the time limit.
        public static let clusterDown = Code("clusterDown")
        /// Another server of the cluster is responsible for the key (`MOVED`, `ASK`), and the client could not follow.
        public static let redirected = Code("redirected")
        /// Any other error reply; ``RedisError/serverReply`` has it.
        public static let serverError = Code("serverError")
        /// The server sent something that is not RESP or not the answer expected.
        public static let protocolError = Code("protocolError")
        /// A reply has another type than the one asked for.
        public static let unexpectedReply = Code("unexpectedReply")
        /// A URL or option of the configuration is wrong.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// The command cannot be sent in this way; the message names the right one.
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
    /// The failure that an error reply stands for.
    init(reply: RESPError) {
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

    /// The server certainly did not execute the command, and another attempt may fare better.
    var isRejectionBeforeExecution: Bool {
        guard let prefix = serverReply?.prefix else { return false }
        return prefix == "READONLY" || prefix == "LOADING" || prefix == "MASTERDOWN"
    }

    /// The server did not execute the command because of where it stands in its topology: another one, or the same one
    /// later, will.
    var isRefusalByTopology: Bool {
        switch serverReply?.prefix {
        case "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "MOVED", "ASK": true
        default: false
        }
    }

    static func unexpected(_ value: RESPValue, wanted: String) -> RedisError {
        if let error = value.error { return RedisError(reply: error) }
        return RedisError(.unexpectedReply, "The reply is \(value.typeName) where \(wanted) was expected.")
    }
}

extension RESPValue {
    /// The type in words, for messages that must not show the content.
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
