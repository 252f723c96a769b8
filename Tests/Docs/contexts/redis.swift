// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/redis.md take for granted.
import ACPRedis
import ACPServer
import NIOCore
import Redis

var client: RedisClient { fatalError("never run") }
var storage: RedisStorage { fatalError("never run") }
var id: RunID { fatalError("never run") }

struct OtherLibrary: Sendable {
    struct Reply {
        var errorText: String?
        var value: RESPValue
        func isError(prefix: String) -> Bool { fatalError("never run") }
    }

    func send(_ words: [[UInt8]]) async throws -> Reply { fatalError("never run") }
    func subscribe(to channel: String) async throws -> AsyncThrowingStream<ByteBuffer, any Error> {
        fatalError("never run")
    }
}
