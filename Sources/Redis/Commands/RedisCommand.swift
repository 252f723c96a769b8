// SPDX-License-Identifier: Apache-2.0

/// A command with its arguments, and what the client needs to know to handle it well.
///
/// ```swift
/// let command = RedisCommand("GETRANGE", "greeting", 0, 4).idempotent
/// let reply = try await client.send(command)
/// ```
public struct RedisCommand: Hashable, Sendable {
    /// The name in upper case, for example `SET`.
    public let name: String
    /// What follows the name, subcommands included.
    public var arguments: [RedisArgument]
    /// Executing the command a second time changes neither the data nor its answer in a way that matters to the caller.
    /// The client repeats such a command by itself, within its deadline, when an answer was lost. Default: false.
    public var isIdempotent: Bool
    /// How long to wait for the answer, the time for a connection included. Nil means the client's
    /// ``RedisConfiguration/commandTimeout``.
    public var timeout: Duration?
    /// The script that the command runs, so that a connection can send its source when the server may not have it.
    package var script: RedisScript?
    /// See ``onMaster``.
    var needsMaster = false

    /// Makes a command.
    /// - Parameters:
    ///   - name: The name; letter case does not matter.
    ///   - arguments: What follows the name.
    ///   - isIdempotent: See ``isIdempotent``.
    ///   - timeout: See ``timeout``.
    public init(
        _ name: String,
        arguments: [RedisArgument],
        isIdempotent: Bool = false,
        timeout: Duration? = nil
    ) {
        self.name = name.utf8.contains { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") } ? name.uppercased() : name
        self.arguments = arguments
        self.isIdempotent = isIdempotent
        self.timeout = timeout
    }

    /// Makes a command from values of different types.
    public init(_ name: String, _ arguments: any RedisArgumentConvertible...) {
        self.init(name, arguments: arguments.map(\.redisArgument))
    }

    /// The same command, declared safe to repeat; see ``isIdempotent``.
    public var idempotent: RedisCommand {
        var command = self
        command.isIdempotent = true
        return command
    }

    /// The same command with a time limit of its own; see ``timeout``.
    public func timeout(_ limit: Duration) -> RedisCommand {
        var command = self
        command.timeout = limit
        return command
    }

    /// Adds arguments at the end.
    public mutating func append(_ arguments: any RedisArgumentConvertible...) {
        self.arguments.append(contentsOf: arguments.map(\.redisArgument))
    }
}

extension RedisCommand: CustomStringConvertible, CustomReflectable {
    /// The name and the number of arguments. Never the arguments themselves: they may be secrets or personal data.
    public var description: String {
        "\(name) (\(arguments.count) argument\(arguments.count == 1 ? "" : "s"))"
    }

    /// Shows no more than ``description`` does.
    public var customMirror: Mirror {
        Mirror(self, children: ["name": name, "argumentCount": arguments.count])
    }
}
