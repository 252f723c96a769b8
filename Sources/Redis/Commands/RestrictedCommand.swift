// SPDX-License-Identifier: Apache-2.0

/// Commands that must not be sent on pooled connections.
enum RestrictedCommand {
    /// The kind of a connection.
    enum ConnectionKind {
        /// A connection that is shared by many callers.
        case shared
        /// A connection leased with `withConnection`.
        case leased
    }

    /// Returns an error that names the function to use, or `nil` if the command can be sent on the connection.
    static func error(for command: RedisCommand, on connection: ConnectionKind) -> RedisError? {
        // One hash lookup decides for all unrestricted commands.
        guard let reason = reasons[command.name] else { return nil }
        switch reason {
        case .subscription:
            return refusal(
                command, "it changes the mode of the connection: use subscribe(to:), psubscribe(to:) or ssubscribe(to:)"
            )
        case .connectionSetting:
            return refusal(
                command, "it changes a pooled connection for all its users: set it in RedisConfiguration instead")
        case .endless:
            return refusal(command, "its replies do not end: use redis-cli for it")
        case .transaction where connection == .shared:
            return refusal(command, "use transaction(_:), or withConnection(_:) for WATCH")
        case .blocking where connection == .shared:
            return refusal(command, "it would block all users of the connection: use withConnection(_:)")
        case .streamBlocking where connection == .shared && command.arguments.contains { Self.isBlock($0) }:
            return refusal(
                command, "with BLOCK it would block all users of the connection: use withConnection(_:)")
        case .clientReply where Self.changesConnection(command):
            return refusal(command, "it changes a pooled connection, or the order of replies, for all its users")
        default:
            return nil
        }
    }

    private enum Reason {
        case subscription, connectionSetting, endless, transaction, blocking, streamBlocking, clientReply
    }

    private static let reasons: [String: Reason] = {
        let groups: [(Reason, [String])] = [
            (
                .subscription,
                ["SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE"]
            ),
            (.connectionSetting, ["SELECT", "AUTH", "HELLO", "QUIT", "RESET", "READONLY", "READWRITE", "ASKING"]),
            (.endless, ["MONITOR", "SYNC", "PSYNC"]),
            (.transaction, ["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"]),
            (
                .blocking,
                [
                    "BLPOP", "BRPOP", "BLMOVE", "BLMPOP", "BRPOPLPUSH", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT",
                    "WAITAOF",
                ]
            ),
            (.streamBlocking, ["XREAD", "XREADGROUP"]),
            (.clientReply, ["CLIENT"]),
        ]
        return Dictionary(uniqueKeysWithValues: groups.flatMap { group in group.1.map { ($0, group.0) } })
    }()

    private static func isBlock(_ argument: RedisArgument) -> Bool {
        guard case .string(let text) = argument.storage, text.utf8.count == 5 else { return false }
        return text.uppercased() == "BLOCK"
    }

    private static func changesConnection(_ command: RedisCommand) -> Bool {
        guard let subcommand = command.arguments.first?.text.uppercased() else { return false }
        return ["REPLY", "SETNAME", "TRACKING", "CACHING", "NO-EVICT", "NO-TOUCH"].contains(subcommand)
    }

    private static func refusal(_ command: RedisCommand, _ remedy: String) -> RedisError {
        RedisError(.invalidCommand, "\(command.name) cannot be sent this way: \(remedy).")
    }
}
