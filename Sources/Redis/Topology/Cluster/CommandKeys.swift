// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The positions of the keys in the arguments of commands.
///
/// Most commands have one key, their first argument. Those are not listed here, and neither are commands that are
/// unknown to this client.
enum CommandKeys {
    enum Position: Hashable {
        /// No key: any server can execute the command.
        case none
        /// One key, at an index.
        case at(Int)
        /// A number of keys, from the first argument.
        case first(Int)
        /// All arguments.
        case all
        /// Every second argument.
        case pairs
        /// All but the last argument.
        case allButLast
        /// The number of keys is at an index, followed by the keys; optionally the first argument is a key as well.
        case counted(at: Int, alsoFirst: Bool)
        /// The first half of the arguments after `STREAMS`.
        case streams
        /// The second argument, if the first is one of these subcommands.
        case afterSubcommand(Set<String>)
        /// All arguments from an index on.
        case from(Int)
    }

    static func position(of command: RedisCommand) -> Position { positions[command.name] ?? .at(0) }

    /// Returns the indexes of the keys in the arguments.
    static func indices(of command: RedisCommand) -> [Int] {
        let count = command.arguments.count
        switch position(of: command) {
        case .none: return []
        case .at(let index): return index < count ? [index] : []
        case .first(let number): return Array(0..<min(number, count))
        case .all: return Array(0..<count)
        case .pairs: return Array(stride(from: 0, to: count, by: 2))
        case .allButLast: return Array(0..<max(0, count - 1))
        case .from(let index): return Array(min(index, count)..<count)
        case .counted(let index, let alsoFirst):
            guard index < count, let number = Int(command.arguments[index].text), number > 0 else {
                return alsoFirst && count > 0 ? [0] : []
            }
            let keys = (index + 1)..<min(index + 1 + number, count)
            return (alsoFirst ? [0] : []) + keys
        case .streams:
            guard let word = command.arguments.firstIndex(where: { $0.text.uppercased() == "STREAMS" }) else {
                return []
            }
            return Array((word + 1)..<(word + 1 + (count - word - 1) / 2))
        case .afterSubcommand(let words):
            guard count > 1, words.contains(command.arguments[0].text.uppercased()) else { return [] }
            return [1]
        }
    }

    private static let positions: [String: Position] = {
        let groups: [(Position, [String])] = [
            (
                .none,
                [
                    "ACL", "AUTH", "BGREWRITEAOF", "BGSAVE", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE",
                    "DISCARD", "ECHO", "EXEC", "FAILOVER", "FLUSHALL", "FLUSHDB", "FUNCTION", "HELLO", "INFO", "KEYS",
                    "LASTSAVE", "LATENCY", "LOLWUT", "MODULE", "MULTI", "PING", "PUBSUB", "RANDOMKEY", "REPLICAOF",
                    "ROLE", "SAVE", "SCAN", "SCRIPT", "SELECT", "SENTINEL", "SHUTDOWN", "SLAVEOF", "SLOWLOG",
                    "SWAPDB", "TIME", "UNWATCH", "WAIT", "WAITAOF",
                ]
            ),
            (
                .all,
                [
                    "DEL", "EXISTS", "MGET", "PFCOUNT", "PFMERGE", "SDIFF", "SDIFFSTORE", "SINTER", "SINTERSTORE",
                    "SUNION", "SUNIONSTORE", "TOUCH", "UNLINK", "WATCH",
                ]
            ),
            (
                .first(2),
                [
                    "BLMOVE", "BRPOPLPUSH", "COPY", "GEOSEARCHSTORE", "LCS", "LMOVE", "RENAME", "RENAMENX",
                    "RPOPLPUSH", "SMOVE", "ZRANGESTORE",
                ]
            ),
            (.pairs, ["MSET", "MSETNX"]),
            (.allButLast, ["BLPOP", "BRPOP", "BZPOPMAX", "BZPOPMIN"]),
            (.from(1), ["BITOP"]),
            (
                .counted(at: 0, alsoFirst: false),
                ["LMPOP", "SINTERCARD", "ZDIFF", "ZINTER", "ZINTERCARD", "ZMPOP", "ZUNION"]
            ),
            (
                .counted(at: 1, alsoFirst: false),
                ["BLMPOP", "BZMPOP", "EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "FCALL", "FCALL_RO"]
            ),
            (.counted(at: 1, alsoFirst: true), ["ZDIFFSTORE", "ZINTERSTORE", "ZUNIONSTORE"]),
            (.streams, ["XREAD", "XREADGROUP"]),
            (.afterSubcommand(["USAGE"]), ["MEMORY"]),
            (.afterSubcommand(["ENCODING", "FREQ", "IDLETIME", "REFCOUNT"]), ["OBJECT"]),
            (.afterSubcommand(["CREATE", "CREATECONSUMER", "DELCONSUMER", "DESTROY", "SETID"]), ["XGROUP"]),
            (.afterSubcommand(["CONSUMERS", "GROUPS", "STREAM"]), ["XINFO"]),
            (.afterSubcommand(["OBJECT"]), ["DEBUG"]),
            // Channels are not keys, but are distributed like them, so that one server does not receive all messages.
            (.at(0), ["PUBLISH", "SPUBLISH"]),
        ]
        return Dictionary(uniqueKeysWithValues: groups.flatMap { group in group.1.map { ($0, group.0) } })
    }()
}

extension RedisArgument {
    var hashSlot: HashSlot {
        switch storage {
        case .string(let text): HashSlot(ofKey: text)
        case .buffer(let bytes): HashSlot(ofKey: bytes.readableBytesView)
        case .bytes(let bytes): HashSlot(ofKey: bytes)
        case .integer, .double: HashSlot(ofKey: self.text)
        }
    }
}

extension HashSlot {
    /// Returns the slot of a command's first key, or `nil` if it has none.
    init?(of command: RedisCommand) {
        // Scripts and commands whose key is the first argument, the most frequent ones, need no list of indexes.
        switch CommandKeys.position(of: command) {
        case .none: return nil
        case .at(let index):
            guard index < command.arguments.count else { return nil }
            self = command.arguments[index].hashSlot
        default:
            guard let index = CommandKeys.indices(of: command).first else { return nil }
            self = command.arguments[index].hashSlot
        }
    }
}
