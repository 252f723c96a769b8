// SPDX-License-Identifier: Apache-2.0

/// What a server told about itself when a connection was made.
struct RedisServerInfo: Hashable, Sendable {
    /// 2 or 3.
    var protocolVersion: Int
    /// The version of the server, if it said it.
    var version: String?
    /// `standalone`, `sentinel` or `cluster`, if it said it.
    var mode: String?
    /// `master` or `replica`, if it said it.
    var role: String?

    var isReplica: Bool { self.role == "replica" || self.role == "slave" }
}

/// Greets a server: protocol version, authentication, name, database, and on replicas of a cluster the wish to read.
///
/// ```
/// hello ──┬─ ok ──────────────────────▶ select ─▶ read-only ─▶ done
///         └─ HELLO unknown ─▶ auth ─▶ name ─▶ select ─▶ read-only ─▶ done
/// ```
///
/// One command is under way at a time. Does no I/O.
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
        self.credentials = configuration.credentials
        self.clientName = configuration.clientName
        self.database = configuration.database
        self.protocolVersion = configuration.protocolVersion
    }

    /// The connection is up.
    mutating func start() -> Action {
        if self.protocolVersion == .resp2 { return self.authenticate() }
        var hello = RedisCommand("HELLO", 3)
        if let credentials { hello.append("AUTH", credentials.username ?? "default", credentials.password) }
        if let clientName { hello.append("SETNAME", clientName) }
        self.step = .hello
        return .send(hello)
    }

    /// The answer to the last command sent is there.
    mutating func received(_ reply: RESPValue) -> Action {
        switch self.step {
        case .hello:
            if let error = reply.error {
                guard Self.isUnknownCommand(error), self.protocolVersion == .automatic else {
                    return self.fail(HandshakeFailure(error, during: "HELLO"))
                }
                return self.authenticate()
            }
            guard let pairs = reply.pairs else {
                return self.fail(HandshakeFailure(.malformedHello, "The server's answer to HELLO is no map."))
            }
            for pair in pairs {
                switch pair.key.string {
                case "proto": self.info.protocolVersion = pair.value.int ?? 3
                case "version": self.info.version = pair.value.string
                case "mode": self.info.mode = pair.value.string
                case "role": self.info.role = pair.value.string
                default: break
                }
            }
            return self.select()
        case .auth:
            if let error = reply.error { return self.fail(HandshakeFailure(error, during: "AUTH")) }
            return self.setName()
        case .name:
            if let error = reply.error { return self.fail(HandshakeFailure(error, during: "CLIENT SETNAME")) }
            return self.select()
        case .select:
            if let error = reply.error {
                return self.fail(HandshakeFailure(error, during: "SELECT \(self.database)"))
            }
            return self.requestReplicaReads()
        case .readOnly:
            if let error = reply.error { return self.fail(HandshakeFailure(error, during: "READONLY")) }
            return self.finish()
        case .finished:
            return self.fail(HandshakeFailure(.malformedHello, "The server sent a reply that nobody asked for."))
        }
    }

    private mutating func authenticate() -> Action {
        guard let credentials else { return self.setName() }
        self.step = .auth
        if let username = credentials.username {
            return .send(RedisCommand("AUTH", username, credentials.password))
        }
        return .send(RedisCommand("AUTH", credentials.password))
    }

    private mutating func setName() -> Action {
        guard let clientName else { return self.select() }
        self.step = .name
        return .send(RedisCommand("CLIENT", "SETNAME", clientName))
    }

    private mutating func select() -> Action {
        guard self.database != 0 else { return self.requestReplicaReads() }
        self.step = .select
        return .send(RedisCommand("SELECT", self.database))
    }

    private mutating func requestReplicaReads() -> Action {
        guard self.readsFromReplica else { return self.finish() }
        self.step = .readOnly
        return .send(RedisCommand("READONLY"))
    }

    private mutating func finish() -> Action {
        self.step = .finished
        return .done(self.info)
    }

    private mutating func fail(_ failure: HandshakeFailure) -> Action {
        self.step = .finished
        return .fail(failure)
    }

    /// Servers before version 6, and those whose administrator disabled HELLO, say `ERR unknown command`; a few proxies
    /// say `NOPROTO` for every version.
    private static func isUnknownCommand(_ error: RESPError) -> Bool {
        error.prefix == "NOPROTO" || error.message.lowercased().hasPrefix("err unknown command")
    }
}

/// Why a server was not greeted successfully.
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
        self.reason = .serverError(error)
        self.message = "The server refused \(step): \(error.message)"
    }

    /// The failure in the client's terms. Errors that another attempt will not cure are not `connectFailed`.
    var error: RedisError {
        switch self.reason {
        case .malformedHello:
            return RedisError(.protocolError, "\(self.message) Check that the address is that of a Redis server.")
        case .serverError(let reply):
            let cause = RedisError.ServerReply(error: reply)
            switch reply.prefix {
            case "NOAUTH":
                return RedisError(
                    .authenticationFailed,
                    "The server wants a password: set it in the URL (redis://user:password@…) or the configuration.",
                    cause: cause
                )
            case "WRONGPASS":
                return RedisError(
                    .authenticationFailed,
                    "The server did not accept the user name and password: check them, and that the user is enabled.",
                    cause: cause
                )
            case "NOPERM":
                return RedisError(
                    .permissionDenied, "\(self.message) Grant the command to the user with ACL SETUSER.", cause: cause)
            case "NOPROTO":
                return RedisError(
                    .invalidConfiguration,
                    "The server does not speak RESP3: allow RESP2 with protocolVersion = .automatic.", cause: cause)
            case "LOADING", "MASTERDOWN":
                return RedisError(.connectFailed, self.message, cause: cause)
            default:
                break
            }
            let text = reply.message.lowercased()
            if text.contains("without any password configured") || text.contains("invalid password") {
                return RedisError(
                    .authenticationFailed,
                    "\(self.message) Check whether the server has a password at all, and which.", cause: cause)
            }
            if text.contains("db index") {
                return RedisError(
                    .invalidConfiguration, "\(self.message). Choose a database that the server has.", cause: cause)
            }
            if text.contains("unknown command") {
                return RedisError(
                    .invalidConfiguration,
                    "\(self.message) Allow RESP2 with protocolVersion = .automatic.", cause: cause)
            }
            return RedisError(.connectFailed, self.message, cause: cause)
        }
    }
}
