// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One master of a ``RedisClient``: for what has to be asked of each by itself, such as `SCAN` or `INFO`.
///
/// What is sent goes to this very server and is not redirected. If the server stops being a master, it fails: ask the
/// client for its servers again then.
public struct RedisServer: RedisCommandExecutor {
    let node: RedisNode
    let configuration: RedisConfiguration

    /// Where the server listens.
    public var address: RedisAddress { node.address }

    /// Sends a command to this server.
    /// - Throws: ``RedisError``.
    public func send(_ command: RedisCommand) async throws -> RESPValue {
        if let refusal = RefusedCommand.check(command, in: .shared) { throw refusal }
        let deadline = NIODeadline.after(command.timeout ?? configuration.commandTimeout)
        return try await node.shared.acquire(deadline: deadline).send(command, deadline: deadline)
    }

    /// Sends commands to this server in one write.
    /// - Throws: ``RedisError``.
    public func pipeline(
        _ commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        for command in commands {
            if let refusal = RefusedCommand.check(command, in: .shared) { throw refusal }
        }
        let deadline = NIODeadline.after(timeout ?? configuration.commandTimeout)
        return try await node.shared.acquire(deadline: deadline).send(commands, deadline: deadline)
    }
}

extension RedisClient {
    /// All servers that take writes: one, or the masters of a cluster.
    /// - Throws: ``RedisError`` if they cannot be found out.
    public func servers() async throws -> [RedisServer] {
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

    /// The keys are spread over several masters.
    public var isCluster: Bool {
        if case .cluster = configuration.deployment { true } else { false }
    }
}
