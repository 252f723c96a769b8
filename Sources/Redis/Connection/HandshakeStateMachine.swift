// SPDX-License-Identifier: Apache-2.0

/// Information that a server sent when a connection was opened.
struct RedisServerInfo: Hashable, Sendable {
    /// The protocol version, 2 or 3.
    var protocolVersion: Int
    /// The version of the server, if known.
    var version: String?
    /// `standalone`, `sentinel` or `cluster`, if known.
    var mode: String?
    /// `master` or `replica`, if known.
    var role: String?

    var isReplica: Bool { role == "replica" || role == "slave" }
}

/// The handshake with a server: protocol version, authentication, client name, database, and `READONLY` on replicas of
/// a cluster.
///
/// ```
/// hello ──┬─ ok ──────────────────────▶ select ─▶ read-only ─▶ done
///         └─ HELLO unknown ─▶ auth ─▶ name ─▶ select ─▶ read-only ─▶ done
/// ```
///
/// One command is in flight at a time. The state machine does no I/O.
struct HandshakeStateMachine {
    enum Action: Equatable {
        case send(RedisCommand)
        case done(RedisServerInfo)
        case fail(HandshakeFailure)
    }

    private enum Step {
        case hello, auth, name, select, readOnly, finished
    }

    private let credentials: RedisCredentials?
    private let clientName: String?
    private let database: Int
    private let protocolVersion: RedisConfiguration.ProtocolVersion
    private let readsFromReplica: Bool
    private var step = Step.hello
    private var info = RedisServerInfo(protocolVersion: 2)

    init(_ configuration: RedisConfiguration, readsFromReplica: Bool = false) {
        self.readsFromReplica = readsFromReplica
        credentials = configuration.credentials
        clientName = configuration.clientName
        database = configuration.database
        protocolVersion = configuration.protocolVersion
    }

    /// Returns the first command.
    mutating func start() -> Action {
        if protocolVersion == .resp2 { return authenticate() }
        var hello = RedisCommand("HELLO", 3)
        if let credentials { hello.append("AUTH", credentials.username ?? "default", credentials.password) }
        if let clientName { hello.append("SETNAME", clientName) }
        step = .hello
        return .send(hello)
    }

    /// Processes the reply to the last command.
    mutating func received(_ reply: RESPValue) -> Action {
        switch step {
        case .hello:
            if let error = reply.error {
                guard Self.isUnknownCommand(error), protocolVersion == .automatic else {
                    return fail(HandshakeFailure(error, during: "HELLO"))
                }
                return authenticate()
            }
            guard let pairs = reply.pairs else {
                return fail(HandshakeFailure(.malformedHello, "The server's reply to HELLO is not a map."))
            }
            for pair in pairs {
                switch pair.key.string {
                case "proto": info.protocolVersion = pair.value.int ?? 3
                case "version": info.version = pair.value.string
                case "mode": info.mode = pair.value.string
                case "role": info.role = pair.value.string
                default: break
                }
            }
            return select()
        case .auth:
            if let error = reply.error { return fail(HandshakeFailure(error, during: "AUTH")) }
            return setName()
        case .name:
            if let error = reply.error { return fail(HandshakeFailure(error, during: "CLIENT SETNAME")) }
            return select()
        case .select:
            if let error = reply.error {
                return fail(HandshakeFailure(error, during: "SELECT \(database)"))
            }
            return requestReplicaReads()
        case .readOnly:
            if let error = reply.error { return fail(HandshakeFailure(error, during: "READONLY")) }
            return finish()
        case .finished:
            return fail(HandshakeFailure(.malformedHello, "The server sent a reply without a request."))
        }
    }

    private mutating func authenticate() -> Action {
        guard let credentials else { return setName() }
        step = .auth
        if let username = credentials.username {
            return .send(RedisCommand("AUTH", username, credentials.password))
        }
        return .send(RedisCommand("AUTH", credentials.password))
    }

    private mutating func setName() -> Action {
        guard let clientName else { return select() }
        step = .name
        return .send(RedisCommand("CLIENT", "SETNAME", clientName))
    }

    private mutating func select() -> Action {
        guard database != 0 else { return requestReplicaReads() }
        step = .select
        return .send(RedisCommand("SELECT", database))
    }

    private mutating func requestReplicaReads() -> Action {
        guard readsFromReplica else { return finish() }
        step = .readOnly
        return .send(RedisCommand("READONLY"))
    }

    private mutating func finish() -> Action {
        step = .finished
        return .done(info)
    }

    private mutating func fail(_ failure: HandshakeFailure) -> Action {
        step = .finished
        return .fail(failure)
    }

    /// Servers before version 6, and those where `HELLO` is disabled, reply `ERR unknown command`; some proxies reply
    /// `NOPROTO` for every version.
    private static func isUnknownCommand(_ error: RESPError) -> Bool {
        error.prefix == "NOPROTO" || error.message.lowercased().hasPrefix("err unknown command")
    }
}

/// The reason why a handshake failed.
struct HandshakeFailure: Error, Hashable, Sendable {
    enum Reason: Hashable, Sendable {
        case serverError(RESPError)
        case malformedHello
    }

    var reason: Reason
    var message: String

    init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    init(_ error: RESPError, during step: String) {
        let error = error.withoutArguments
        reason = .serverError(error)
        message = "The server refused \(step): \(error.message)"
    }

    /// The failure as an error of the client. Permanent failures do not have the code `connectFailed`.
    var error: RedisError {
        switch reason {
        case .malformedHello:
            return RedisError(.protocolError, "\(message) Check that the address is that of a Redis server.")
        case .serverError(let reply):
            let cause = RedisError.ServerReply(error: reply)
            switch reply.prefix {
            case "NOAUTH":
                return RedisError(
                    .authenticationFailed,
                    "The server requires a password: set it in the URL (redis://user:password@…) or the configuration.",
                    cause: cause
                )
            case "WRONGPASS":
                return RedisError(
                    .authenticationFailed,
                    "The server rejected the user name and password: check them, and that the user is enabled.",
                    cause: cause
                )
            case "NOPERM":
                return RedisError(
                    .permissionDenied, "\(message) Grant the command to the user with ACL SETUSER.", cause: cause)
            case "NOPROTO":
                return RedisError(
                    .invalidConfiguration,
                    "The server does not support RESP3: allow RESP2 with protocolVersion = .automatic.", cause: cause)
            case "LOADING", "MASTERDOWN":
                return RedisError(.connectFailed, message, cause: cause)
            default:
                break
            }
            let text = reply.message.lowercased()
            if text.contains("without any password configured") || text.contains("invalid password") {
                return RedisError(
                    .authenticationFailed,
                    "\(message) Check whether the server has a password, and that it is correct.", cause: cause)
            }
            if text.contains("db index") {
                return RedisError(
                    .invalidConfiguration, "\(message). Use a database that the server provides.", cause: cause)
            }
            if text.contains("unknown command") {
                return RedisError(
                    .invalidConfiguration,
                    "\(message) Allow RESP2 with protocolVersion = .automatic.", cause: cause)
            }
            return RedisError(.connectFailed, message, cause: cause)
        }
    }
}
