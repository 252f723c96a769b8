// SPDX-License-Identifier: Apache-2.0

/// A command with keys in several slots, split into one command per slot.
///
/// Only commands that treat each key independently are split: `DEL`, `UNLINK`, `EXISTS`, `TOUCH` and `MGET`. Commands
/// that are atomic (`MSET`, `MSETNX`, `RENAME`, scripts) or combine values (`SINTER`, `PFCOUNT`) are refused.
struct SplitCommand {
    private enum Join {
        /// The sum of the replies.
        case sum
        /// The values in the order of the keys.
        case values
    }

    let parts: [RedisCommand]
    private let join: Join
    /// The indexes of the keys of each part.
    private let positions: [[Int]]
    private let count: Int

    /// Splits a command. Returns `nil` if all keys are in one slot.
    /// - Throws: ``RedisError`` with the code `invalidCommand` if the command cannot be split.
    init?(_ command: RedisCommand) throws {
        if case .at = CommandKeys.position(of: command) { return nil }
        let indices = CommandKeys.indices(of: command)
        guard let first = indices.first else { return nil }
        let slot = command.arguments[first].hashSlot
        if indices.allSatisfy({ command.arguments[$0].hashSlot == slot }) { return nil }
        switch command.name {
        case "DEL", "UNLINK", "EXISTS", "TOUCH": join = .sum
        case "MGET": join = .values
        default: throw Self.refusal(command)
        }
        var positions: [HashSlot: [Int]] = [:]
        var order: [HashSlot] = []
        for index in indices {
            let slot = command.arguments[index].hashSlot
            if positions[slot] == nil { order.append(slot) }
            positions[slot, default: []].append(index)
        }
        self.positions = order.map { positions[$0] ?? [] }
        parts = self.positions.map { positions in
            var part = command
            part.arguments = positions.map { command.arguments[$0] }
            return part
        }
        count = indices.count
    }

    /// Returns the reply to the whole command. The first failure of a part is the failure of the whole; other parts may
    /// have been executed.
    func join(_ results: [Result<RESPValue, RedisError>]) throws -> RESPValue {
        guard results.count == parts.count else {
            throw RedisError(.protocolError, "A split command received the wrong number of replies.")
        }
        switch join {
        case .sum:
            return .integer(
                try results.reduce(0) { sum, result in
                    let reply = try result.get()
                    guard let number = reply.int else { throw RedisError.unexpected(reply, expected: "an integer") }
                    return sum + number
                })
        case .values:
            var values = [RESPValue](repeating: .null, count: count)
            for (result, positions) in zip(results, self.positions) {
                let reply = try result.get()
                guard let part = reply.array, part.count == positions.count else {
                    throw RedisError.unexpected(reply, expected: "an array with a value for each key")
                }
                for (position, value) in zip(positions, part) { values[position] = value }
            }
            return .array(values)
        }
    }

    /// Returns one of the keys of a transaction, or `nil` if it has none.
    /// - Throws: ``RedisError`` with the code `invalidCommand` if the keys are in several slots.
    static func commonKey(of commands: [RedisCommand]) throws -> String? {
        var found: (key: RedisArgument, slot: HashSlot)?
        for command in commands {
            for index in CommandKeys.indices(of: command) {
                let key = command.arguments[index]
                if let found, found.slot != key.hashSlot { throw Self.refusal(RedisCommand("MULTI")) }
                found = found ?? (key, key.hashSlot)
            }
        }
        return found?.key.text
    }

    private static func refusal(_ command: RedisCommand) -> RedisError {
        RedisError(
            .invalidCommand,
            """
            The keys of \(command.name) are in different slots of the cluster, which may be on different servers, so that it \
            cannot be executed atomically: give the keys a common hash tag, as in {name}:a and {name}:b, or send a command \
            for each key.
            """)
    }
}

/// A pipeline whose commands over several slots are split.
struct SplitPipeline {
    private enum Piece {
        case whole(Int)
        case split(SplitCommand, Range<Int>)
        case refused(RedisError)
    }

    private var pieces: [Piece] = []
    private var parts: [RedisCommand] = []

    init(_ commands: [RedisCommand]) {
        parts.reserveCapacity(commands.count)
        for command in commands {
            do {
                if let split = try SplitCommand(command) {
                    pieces.append(.split(split, parts.count..<parts.count + split.parts.count))
                    parts += split.parts
                } else {
                    pieces.append(.whole(parts.count))
                    parts.append(command)
                }
            } catch {
                pieces.append(.refused(error as? RedisError ?? RedisError(.invalidCommand, "\(error)")))
            }
        }
    }

    func run(
        _ send: ([RedisCommand]) async throws -> [Result<RESPValue, RedisError>]
    ) async throws -> [Result<RESPValue, RedisError>] {
        let results = try await send(parts)
        return pieces.map { piece in
            switch piece {
            case .whole(let index): return results[index]
            case .refused(let error): return .failure(error)
            case .split(let split, let range):
                do {
                    return .success(try split.join(Array(results[range])))
                } catch {
                    return .failure(error as? RedisError ?? RedisError(.protocolError, "\(error)"))
                }
            }
        }
    }
}
