// SPDX-License-Identifier: Apache-2.0

public import Redis

/// One command as the storage wants it sent, and what a client needs to know to handle it well.
public struct RedisRequest: Sendable {
    /// The command, for example `LLEN`, `acp:events:8f14`. That of a script is `EVALSHA` with the digest of the script, the
    /// number of its keys, the keys, and its arguments.
    public internal(set) var command: RedisCommand
    /// The script that the command runs. A server that does not know it answers `NOSCRIPT`: send ``withSource`` then.
    public internal(set) var script: RedisScript?

    /// The command as words, the name first: what a client of another make has to send. `RedisArgument.bytes` has the bytes of
    /// each.
    public var words: [RedisArgument] { [RedisArgument(command.name)] + command.arguments }

    /// Repeating the command changes neither the data nor, in a way that matters, its answer.
    public internal(set) var isIdempotent: Bool {
        get { command.isIdempotent }
        set { command.isIdempotent = newValue }
    }

    init(_ name: String, _ arguments: [RedisArgument], script: RedisScript? = nil, isIdempotent: Bool = false) {
        command = RedisCommand(name, arguments: arguments, isIdempotent: isIdempotent)
        self.script = script
    }

    /// The same request with the source of its script in the place of the digest (`EVAL`), which also teaches the server the
    /// script. Requests without a script stay as they are.
    public var withSource: RedisRequest {
        guard let script else { return self }
        let arguments = [RedisArgument(script.source)] + command.arguments.dropFirst()
        return RedisRequest("EVAL", arguments, isIdempotent: isIdempotent)
    }
}

extension RedisRequest {
    /// A command that changes nothing.
    static func read(_ name: String, _ arguments: RedisArgument...) -> RedisRequest {
        RedisRequest(name, arguments, isIdempotent: true)
    }
}

extension RedisArgument {
    static func text(_ text: String) -> RedisArgument { RedisArgument(text) }
    static func number(_ number: Int) -> RedisArgument { RedisArgument(number) }
    /// What scripts read as a Boolean: ``ScriptForm/flag``.
    static func flag(_ flag: Bool) -> RedisArgument { RedisArgument(flag ? 1 : 0) }
    static func bytes(_ bytes: [UInt8]) -> RedisArgument { RedisArgument(bytes) }
}
