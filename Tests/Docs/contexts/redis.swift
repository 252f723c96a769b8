// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/redis.md take for granted.
import ACPRedis
import ACPServer
import Redis

var client: RedisClient { fatalError("never run") }
var storage: RedisStorage { fatalError("never run") }
var id: RunID { fatalError("never run") }
