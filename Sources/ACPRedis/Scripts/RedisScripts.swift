// SPDX-License-Identifier: Apache-2.0

import RedisClient

/// The scripts that run inside Redis, each one atomic step. None of them decodes JSON: what they have to know of a value
/// stands at its end, where a pattern finds it.
///
/// All of them use the server's clock, so that clocks of clients that differ do no harm.
enum RedisScripts {
    /// What several scripts share.
    ///
    /// - `started` gives the time when it was asked for first, which is before a script gives a run its life. A place in a queue
    ///   is counted from there, and a millisecond less for rounding, so that it never lies behind the moment at which the run
    ///   expires.
    /// - `outlive` gives a key at least so long to live, and never shortens its life: storages with different TTLs may share
    ///   an index. `outliveRuns` gives an index two TTLs, and only if a quarter of a TTL has passed since it had them: one that
    ///   is used all the time is not written all the time.
    /// - `refresh` lets keys expire a TTL from now.
    /// - `push` appends to a list in portions, since Lua cannot hand more than some thousand values to one call.
    /// - `change` makes the changes of ``IndexChange``, whose keys begin at `key` and whose words at `word`. It gives what
    ///   stands in the queues that were added to and is due to be looked at: at most 16 members of each, so that each new run
    ///   lets at most that many old ones be cleared away, and at least that many as come in.
    static let shared = """
        local function milliseconds()
          local time = redis.call('TIME')
          return time[1] * 1000 + math.floor(time[2] / 1000)
        end
        local now
        local function started()
          now = now or milliseconds()
          return now
        end
        local function digits(number) return string.format('%.0f', number) end
        local function outlive(key, ttl)
          if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, digits(ttl)) end
        end
        local function outliveRuns(index, ttl)
          if redis.call('PTTL', index) < 1.75 * ttl then redis.call('PEXPIRE', index, digits(2 * ttl)) end
        end
        local function refresh(keys, first, last, ttl)
          local life = digits(ttl)
          for i = first, last do redis.call('PEXPIRE', keys[i], life) end
        end
        local function push(key, from, last)
          for i = from, last, 1000 do
            redis.call('RPUSH', key, unpack(ARGV, i, math.min(i + 999, last)))
          end
        end
        local function change(key, word, count, ttl)
          local due = {}
          for i = 0, count - 1 do
            local index, kind = KEYS[key + i], ARGV[word + i * 3]
            local score, member = ARGV[word + i * 3 + 1], ARGV[word + i * 3 + 2]
            if kind == '-' then
              redis.call('ZREM', index, member)
            else
              if kind == '+' then
                redis.call('ZADD', index, score, member)
              elseif kind == 'q' then
                due[#due + 1] = redis.call('ZRANGEBYSCORE', index, '-inf', digits(started()), 'LIMIT', 0, 16)
                redis.call('ZADD', index, digits(started() + ttl - 1), member)
              elseif kind == 'r' then
                redis.call('ZADD', index, 'XX', digits(started() + ttl - 1), member)
              end
              outliveRuns(index, ttl)
            end
          end
          return due
        end

        """

    /// PTTL of a key in a form that can be added to a time: a key that somebody made persistent counts as written just now.
    static let remaining = """
        local function remaining(key, ttl)
          local left = redis.call('PTTL', key)
          if left == -1 then return ttl end
          return left
        end

        """
}
