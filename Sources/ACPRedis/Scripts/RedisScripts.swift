// SPDX-License-Identifier: Apache-2.0

import Redis

/// The scripts that run inside Redis, each one atomic step. None of them decodes JSON: what they need to know of a
/// value is at its end, where a pattern finds it.
///
/// All of them use the server's clock, so the clients' clocks may differ.
///
/// When Redis refuses a command in the middle of a script, it does not undo what the script wrote before. So every
/// script that writes more than once first checks whether the user has all rights that it needs (``rights``), then
/// publishes, and only then writes, beginning with a command that Redis refuses when its memory is used up, when it
/// cannot write, or when it is a replica: Redis checks those conditions at the first write of a script only. Readers do
/// not see the order: a script is one atomic step.
///
/// The parameters of a script are described once, by the ``ScriptName`` of its keys and arguments. Lua reads them by
/// these names only.
enum RedisScripts {
    /// - `commandDenial` returns the error to return if the user may not run one of the commands on the script's first
    ///   key, or nothing. Redis has checked access to the keys before it ran the script. Servers before Redis 7 do not
    ///   support the check: there it returns nothing.
    static let rights = """
        local function commandDenial(...)
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
    /// - `channelDenial` returns the error to return if the user may not publish to the channel, as `commandDenial`
    ///   does.
    static let publishing = """
        local function channelDenial(channel)
          local may = redis.acl_check_cmd
          if may and not may(publishCommand, channel) then
            local name = string.lower(publishCommand)
            return redis.error_reply("NOPERM this user may not run the '" .. name .. "' command on this channel")
          end
        end

        """

    /// - `startTime` returns the time of its first call, which is before a script sets the time to live of a run. Times
    ///   of checks in queues are computed from it, and a millisecond less for rounding, so that they are never later
    ///   than the expiry of the run.
    /// - `digits` formats a whole number.
    static let clock = """
        local function milliseconds()
          local time = redis.call('TIME')
          return time[1] * 1000 + math.floor(time[2] / 1000)
        end
        local now
        local function startTime()
          now = now or milliseconds()
          return now
        end
        local function digits(number) return string.format('%.0f', number) end

        """

    /// Needs ``clock``.
    ///
    /// - `extend` sets the time to live of a key to at least a value, and never shortens it: storages with different
    ///   TTLs may share an index. `extendIndex` sets that of an index to two TTLs, and only if a quarter of a TTL has
    ///   passed since it was last set, so that an index that is used all the time is not written all the time.
    /// - `refresh` sets the time to live of the keys from one position to another. The value is text. The named keys
    ///   are at the positions from 1 to `moreKeys - 1`.
    static let lives = """
        local function extend(key, ttl)
          if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, digits(ttl)) end
        end
        local function extendIndex(index, ttl)
          if redis.call('PTTL', index) < 1.75 * ttl then redis.call('PEXPIRE', index, digits(2 * ttl)) end
        end
        local function refresh(first, last, life)
          for i = first, last do redis.call('PEXPIRE', KEYS[i], life) end
        end

        """

    /// - `push` appends arguments to a list in portions, since Lua cannot pass more than some thousand values to one
    ///   call.
    static let lists = """
        local function push(key, from, last)
          local length
          for i = from, last, 1000 do
            length = redis.call('RPUSH', key, unpack(ARGV, i, math.min(i + 999, last)))
          end
          return length
        end

        """

    /// `remaining` returns the PTTL of a key in a form that can be added to a time: a key without expiry counts as
    /// written just now.
    static let remaining = """
        local function remaining(key, ttl)
          local left = redis.call('PTTL', key)
          if left == -1 then return ttl end
          return left
        end

        """
}
