// SPDX-License-Identifier: Apache-2.0

public import Redis

/// A command to send to Redis, with what a client needs to know to execute it.
public struct RedisRequest: Sendable {
    /// The command, for example `LLEN`, `acp:events:8f14`. That of a script is `EVALSHA` with the digest of the script,
    /// the number of its keys, the keys, and its arguments.
    public internal(set) var command: RedisCommand
    /// The script that the command runs, or `nil` if it runs none. If the server replies `NOSCRIPT` because it does not
    /// have the script, send ``withSource`` instead.
    public internal(set) var script: RedisScript?

    /// The name of the command followed by its arguments, for an adapter that sends them with another client library.
    /// `RedisArgument.bytes` holds the bytes of each.
    public var words: [RedisArgument] { [RedisArgument(command.name)] + command.arguments }

    /// Whether the command may be repeated: neither the data nor, in a relevant way, the reply changes.
    public internal(set) var isIdempotent: Bool {
        get { command.isIdempotent }
        set { command.isIdempotent = newValue }
    }

    init(_ name: String, _ arguments: [RedisArgument], script: RedisScript? = nil, isIdempotent: Bool = false) {
        command = RedisCommand(name, arguments: arguments, isIdempotent: isIdempotent)
        self.script = script
    }

    /// The same request with the source of its script in place of the digest (`EVAL`), which also makes the server
    /// cache the script. Requests without a script are returned unchanged.
    public var withSource: RedisRequest {
        guard let script else { return self }
        let arguments = [RedisArgument(script.source)] + command.arguments.dropFirst()
        return RedisRequest("EVAL", arguments, isIdempotent: isIdempotent)
    }
}

extension RedisRequest {
    /// Returns a command that changes nothing.
    static func read(_ name: String, _ arguments: RedisArgument...) -> RedisRequest {
        RedisRequest(name, arguments, isIdempotent: true)
    }
}

extension RedisArgument {
    static func text(_ text: String) -> RedisArgument { RedisArgument(text) }
    static func number(_ number: Int) -> RedisArgument { RedisArgument(number) }
    /// Returns an argument that scripts read as a Boolean: ``ScriptForm/flag``.
    static func flag(_ flag: Bool) -> RedisArgument { RedisArgument(flag ? 1 : 0) }
    static func bytes(_ bytes: [UInt8]) -> RedisArgument { RedisArgument(bytes) }
}
