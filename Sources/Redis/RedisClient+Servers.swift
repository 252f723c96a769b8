// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A master of a ``RedisClient``, for commands that concern a single server, such as `SCAN` or `INFO`.
///
/// Commands are sent to this server only and are not redirected. They fail once the server is no longer a master; call
/// ``RedisClient/masters()`` again then.
///
/// ```swift
/// for master in try await client.masters() {
///     print(master.address, try await master.dbsize())
/// }
/// ```
public struct RedisServer: RedisCommandExecutor {
    let node: RedisNode
    let configuration: RedisConfiguration

    /// The address of the server.
    public var address: RedisAddress { node.address }

    /// Sends a command to this server and returns its reply, which is never an error reply.
    /// - Throws: ``RedisError``.
    public func send(_ command: RedisCommand) async throws -> RESPValue {
        if let refusal = RestrictedCommand.error(for: command, on: .shared) { throw refusal }
        let deadline = NIODeadline.after(command.timeout ?? configuration.commandTimeout)
        return try await node.shared.acquire(deadline: deadline).send(command, deadline: deadline)
    }

    /// Sends commands to this server in one write and waits for all replies.
    ///
    /// - Parameters:
    ///   - commands: The commands, in the order of the results.
    ///   - timeout: The time limit for all commands together. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: One result for each command.
    /// - Throws: ``RedisError``.
    public func pipeline(
        _ commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        for command in commands {
            if let refusal = RestrictedCommand.error(for: command, on: .shared) { throw refusal }
        }
        let deadline = NIODeadline.after(timeout ?? configuration.commandTimeout)
        return try await node.shared.acquire(deadline: deadline).send(commands, deadline: deadline)
    }
}

extension RedisClient {
    /// Returns the servers that accept writes: the only server, the master behind Sentinel, or all masters of a
    /// cluster.
    /// - Throws: ``RedisError`` if the servers cannot be determined within ``RedisConfiguration/commandTimeout``.
    public func masters() async throws -> [RedisServer] {
        let deadline = NIODeadline.after(configuration.commandTimeout)
        while true {
            try checkOpen()
            switch self.topology.masters() {
            case .ready(let nodes): return nodes.map { RedisServer(node: $0, configuration: configuration) }
            case .wait(let ticket): try await self.topology.wait(for: ticket, deadline: deadline)
            case .fail(let error): throw error
            }
        }
    }

    /// A Boolean value that indicates whether the client is configured for a Redis Cluster, where keys are distributed
    /// over several masters.
    public var isCluster: Bool {
        if case .cluster = configuration.deployment { true } else { false }
    }
}
