// SPDX-License-Identifier: Apache-2.0

/// Commands that would do harm on a connection that is shared with other callers.
enum RefusedCommand {
    /// Where a command would run.
    enum Place {
        /// On a connection that many callers share.
        case shared
        /// On a connection leased with `withConnection`.
        case leased
    }

    /// An error that names the right API if the command cannot be sent in this place.
    static func check(_ command: RedisCommand, in place: Place) -> RedisError? {
        // A short name that many commands share a length with is the common case: one hash lookup decides.
        guard let reason = reasons[command.name] else { return nil }
        switch reason {
        case .subscription:
            return refusal(
                command, "it changes what a connection is for: use subscribe(to:), psubscribe(to:) or ssubscribe(to:)")
        case .connectionSetting:
            return refusal(
                command, "it changes a pooled connection for all its users: set it in RedisConfiguration instead")
        case .endless:
            return refusal(command, "its stream of replies belongs to no command: use redis-cli for it")
        case .transaction where place == .shared:
            return refusal(command, "use transaction(_:), or withConnection(_:) for WATCH")
        case .blocking where place == .shared:
            return refusal(command, "it would hold up all users of the connection: use withConnection(_:)")
        case .streamBlocking where place == .shared && command.arguments.contains { Self.isBlock($0) }:
            return refusal(
                command, "with BLOCK it would hold up all users of the connection: use withConnection(_:)")
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
