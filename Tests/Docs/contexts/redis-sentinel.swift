// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/redis-sentinel.md take for granted.
import ACPRedis
import Redis
