// SPDX-License-Identifier: Apache-2.0

/// A command with its arguments and the options for sending it.
///
/// ```swift
/// let command = RedisCommand("GETRANGE", "greeting", 0, 4).idempotent
/// let reply = try await client.send(command)
/// ```
public struct RedisCommand: Hashable, Sendable {
    /// The name in upper case, for example `SET`.
    public let name: String
    /// The arguments, including a subcommand.
    public var arguments: [RedisArgument]
    /// A Boolean value that indicates whether the command can be executed twice without harm: neither the data nor the
    /// reply change in a way that matters to the caller. Defaults to `false`.
    ///
    /// The client retries such a command within its deadline when its reply was lost.
    public var isIdempotent: Bool
    /// The time limit, including the wait for a connection. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    public var timeout: Duration?
    /// The script that the command executes, so that a connection can send its source if the server may not have it.
    package var script: RedisScript?
    /// Whether the command must not be sent to a replica; see ``onMaster``.
    var requiresMaster = false

    /// Creates a command.
    /// - Parameters:
    ///   - name: The name, case-insensitive.
    ///   - arguments: The arguments, including a subcommand.
    ///   - isIdempotent: Whether the command can be executed twice without harm. Defaults to `false`.
    ///   - timeout: The time limit. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
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

    /// Creates a command from values of different types.
    ///
    /// - Parameters:
    ///   - name: The name, case-insensitive.
    ///   - arguments: The arguments, including a subcommand.
    public init(_ name: String, _ arguments: any RedisArgumentConvertible...) {
        self.init(name, arguments: arguments.map(\.redisArgument))
    }

    /// A copy of the command that is marked as safe to execute twice; see ``isIdempotent``.
    public var idempotent: RedisCommand {
        var command = self
        command.isIdempotent = true
        return command
    }

    /// Returns a copy of the command with a time limit; see ``timeout``.
    public func timeout(_ limit: Duration) -> RedisCommand {
        var command = self
        command.timeout = limit
        return command
    }

    /// Appends arguments.
    public mutating func append(_ arguments: any RedisArgumentConvertible...) {
        self.arguments.append(contentsOf: arguments.map(\.redisArgument))
    }
}

extension RedisCommand: CustomStringConvertible, CustomReflectable {
    /// The name and the number of arguments. The arguments are omitted because they may contain secrets or personal
    /// data.
    public var description: String {
        "\(name) (\(arguments.count) argument\(arguments.count == 1 ? "" : "s"))"
    }

    /// The contents of ``description``, so that reflection does not reveal arguments.
    public var customMirror: Mirror {
        Mirror(self, children: ["name": name, "argumentCount": arguments.count])
    }
}
