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
    /// - `change` makes the changes of ``IndexChange`` to one run, whose keys begin at `key`, and whose words at `word`: the kinds of
    ///   all changes, one letter each, the score, the run's id (what small letters mean), how it stands in the queue of all runs
    ///   (capital letters), and what else to take out (`o`). It gives what stands in the queues that were asked and is due to be
    ///   looked at, at most 128 members of each.
    /// - `remember` appends a block to a session's history, whole, and only if its key is not there yet. The session's keys begin
    ///   at `key`, the words at `word`: key of the block, how many entries, how many contents, the entries, for each content its
    ///   digest and its bytes. It gives where the words end.
    static let shared =
        rights + """
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
              local length
              for i = from, last, 1000 do
                length = redis.call('RPUSH', key, unpack(ARGV, i, math.min(i + 999, last)))
              end
              return length
            end
            local function change(key, word, ttl)
              local kinds, score, id, place, other = unpack(ARGV, word, word + 4)
              local due = {}
              for i = 1, #kinds do
                local index, kind = KEYS[key + i - 1], string.sub(kinds, i, i)
                if kind == '-' then
                  redis.call('ZREM', index, id)
                elseif kind == 'o' then
                  redis.call('ZREM', index, other)
                else
                  if kind == '+' then
                    redis.call('ZADD', index, score, id)
                  elseif kind ~= '^' then
                    local queued = string.lower(kind)
                    local member = queued == kind and id or place
                    local time = digits(started() + ttl - 1)
                    if queued == 'r' then
                      redis.call('ZADD', index, 'XX', time, member)
                    else
                      if queued == 'q' then
                        due[#due + 1] = redis.call('ZRANGEBYSCORE', index, '-inf', digits(started()), 'LIMIT', 0, 128)
                      end
                      redis.call('ZADD', index, time, member)
                    end
                  end
                  outliveRuns(index, ttl)
                end
              end
              return due
            end
            local function remember(key, word)
              local first = word + 3
              local last = first + tonumber(ARGV[word + 1]) - 1
              local stop = last + 2 * tonumber(ARGV[word + 2])
              if redis.call('SADD', KEYS[key + 2], ARGV[word]) == 1 then
                push(KEYS[key + 1], first, last)
                for i = last + 1, stop, 2 do redis.call('HSET', KEYS[key + 3], ARGV[i], ARGV[i + 1]) end
              end
              return stop + 1
            end

            """

    /// - `lacks` gives the error to return if the user may not run one of the commands on the script's first key, or may not publish
    ///   to the channel. That the keys are allowed Redis has checked before it ran the script. Servers before Redis 7 cannot be
    ///   asked: nothing is lacking there.
    static let rights = """
        local function lacks(channel, ...)
          local may = redis.acl_check_cmd
          if not may then return nil end
          for _, name in ipairs({...}) do
            if not may(name, KEYS[1]) then
              return redis.error_reply("NOPERM this user may not run the '" .. string.lower(name) .. "' command")
            end
          end
          if channel and not may('PUBLISH', channel) then
            local name = string.lower('PUBLISH')
            return redis.error_reply("NOPERM this user may not run the '" .. name .. "' command on this channel")
          end
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
