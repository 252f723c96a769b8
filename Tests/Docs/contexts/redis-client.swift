// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/redis-client.md take for granted.
import Redis

var client: RedisClient { fatalError("never run") }
