// SPDX-License-Identifier: Apache-2.0

import Redis

/// The scripts that run inside Redis, each one atomic step. None of them decodes JSON: what they have to know of a value
/// stands at its end, where a pattern finds it.
///
/// All of them use the server's clock, so that clocks of clients that differ do no harm.
///
/// What Redis refuses in the middle of a script does not undo what the script wrote before. So every script that writes more than
/// once asks first whether the user has all rights that it needs (``rights``), then publishes, and only then writes, beginning with a
/// command that Redis refuses when its memory is used up, when it may not write, or when it is a replica: Redis looks at those at
/// the first write of a script only. Readers do not see the difference: a script is one atomic step.
///
/// What a script takes is described once, by the ``ScriptName`` of its keys and arguments. Lua reads them by these names only.
enum RedisScripts {
    /// - `lacks` gives the error to return if the user may not run one of the commands on the script's first key. That the keys are
    ///   allowed Redis has checked before it ran the script. Servers before Redis 7 cannot be asked: nothing is lacking there.
    static let rights = """
        local function lacks(...)
          local may = redis.acl_check_cmd
          if not may then return nil end
          local names = {...}
          for i = 1, #names do
            if not may(names[i], firstKey) then
              return redis.error_reply("NOPERM this user may not run the '" .. string.lower(names[i]) .. "' command")
            end
          end
        end

        """

    /// For a ``PublishingScript``.
    ///
    /// - `lacksChannel` gives the error to return if the user may not publish to the channel, as `lacks` does.
    static let publishing = """
        local function lacksChannel(channel)
          local may = redis.acl_check_cmd
          if may and not may(publishCommand, channel) then
            local name = string.lower(publishCommand)
            return redis.error_reply("NOPERM this user may not run the '" .. name .. "' command on this channel")
          end
        end

        """

    /// - `started` gives the time when it was asked for first, which is before a script gives a run its life. A place in a queue
    ///   is counted from there, and a millisecond less for rounding, so that it never lies behind the moment at which the run
    ///   expires.
    /// - `digits` writes a whole number.
    static let clock = """
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

        """

    /// Needs ``clock``.
    ///
    /// - `outlive` gives a key at least so long to live, and never shortens its life: storages with different TTLs may share
    ///   an index. `outliveRuns` gives an index two TTLs, and only if a quarter of a TTL has passed since it had them: one that
    ///   is used all the time is not written all the time.
    /// - `refresh` lets the keys from one position to another expire a TTL from now, which it takes as text. Those with names are from 1 to `moreKeys - 1`.
    static let lives = """
        local function outlive(key, ttl)
          if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, digits(ttl)) end
        end
        local function outliveRuns(index, ttl)
          if redis.call('PTTL', index) < 1.75 * ttl then redis.call('PEXPIRE', index, digits(2 * ttl)) end
        end
        local function refresh(first, last, life)
          for i = first, last do redis.call('PEXPIRE', KEYS[i], life) end
        end

        """

    /// - `push` appends arguments to a list in portions, since Lua cannot hand more than some thousand values to one call.
    static let lists = """
        local function push(key, from, last)
          local length
          for i = from, last, 1000 do
            length = redis.call('RPUSH', key, unpack(ARGV, i, math.min(i + 999, last)))
          end
          return length
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
