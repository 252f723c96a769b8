// SPDX-License-Identifier: Apache-2.0

import Redis

/// What is done on a cluster in place of scripts whose keys would be in several slots.
extension RedisScripts {
    /// Changes one index.
    ///
    /// - Keys: index.
    /// - Arguments: TTL in ms; for each change its kind, a number and the member: `+` with the score, `-`, `^`, `q` with in
    ///   how many ms to look at the member, `i` the same, but never later than before.
    /// - Gives what is due to be looked at, if something was put into a queue: at most 16 members.
    static let index = RedisScript(
        shared + """
            local ttl, due = tonumber(ARGV[1]), {}
            for i = 2, #ARGV, 3 do
              local kind, number, member = ARGV[i], ARGV[i + 1], ARGV[i + 2]
              if kind == '-' then
                redis.call('ZREM', KEYS[1], member)
              elseif kind == '+' then
                redis.call('ZADD', KEYS[1], number, member)
              elseif kind == 'q' then
                if #due == 0 then
                  due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', digits(started()), 'LIMIT', 0, 16)
                end
                redis.call('ZADD', KEYS[1], digits(started() + number), member)
              elseif kind == 'i' then
                redis.call('ZADD', KEYS[1], 'LT', digits(started() + number), member)
              end
            end
            outliveRuns(KEYS[1], ttl)
            return due
            """)

    /// What is due in a queue.
    ///
    /// - Keys: queue.
    /// - Arguments: how many to give at most.
    static let due = RedisScript(
        shared + """
            return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', digits(started()), 'LIMIT', 0, ARGV[1])
            """)

    /// A page of an index, and how many members it has.
    ///
    /// - Keys: index.
    /// - Arguments: first and last rank counted from the newest.
    static let range = RedisScript(
        """
        return {redis.call('ZCARD', KEYS[1]), redis.call('ZREVRANGE', KEYS[1], ARGV[1], ARGV[2])}
        """)

    /// What decides about a run's places in indexes: its snapshot, owner, digest, and how long it lives on.
    ///
    /// - Keys: run, owner.
    /// - Arguments: TTL, for a run that somebody made persistent.
    static let standing = RedisScript(
        remaining + """
            local run = redis.call('GET', KEYS[1])
            if not run then return false end
            return {run, redis.call('GET', KEYS[2]), redis.sha1hex(run), remaining(KEYS[1], tonumber(ARGV[1]))}
            """)

    /// Whether a run still stands as it did.
    ///
    /// - Keys: run, owner.
    /// - Arguments: digest or nothing if there was no run, owner or nothing.
    /// - Gives 1 or 0.
    static let stands = RedisScript(
        """
        local run = redis.call('GET', KEYS[1])
        if (run and redis.sha1hex(run) or '') ~= ARGV[1] then return 0 end
        if run and (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return 0 end
        return 1
        """)

    /// Hands a run from one owner to another: ``claim`` without the indexes.
    ///
    /// - Keys: run, events, owner, input, signals, contents.
    /// - Arguments: current owner or nothing, new owner, TTL.
    /// - Gives 1 or 0.
    static let claimAlone = RedisScript(
        shared + """
            local ttl = tonumber(ARGV[3])
            local lacking = lacks(nil, 'EXISTS', 'GET', 'SET', 'PEXPIRE')
            if lacking then return lacking end
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            local found = redis.call('GET', KEYS[3]) or ''
            if found ~= ARGV[1] and found ~= ARGV[2] then return 0 end
            redis.call('SET', KEYS[3], ARGV[2], 'PX', digits(ttl))
            refresh(KEYS, 1, 6, ttl)
            return 1
            """)

    /// Notes that a process is alive, without the set of all processes: the first half of ``heartbeat``.
    ///
    /// - Keys: process.
    /// - Arguments: as for ``heartbeat``.
    static let noteProcess = RedisScript(
        shared + unable + """
            local lacking = unable(ARGV[4], 5)
            if lacking then return lacking end
            redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
            return 1
            """)

    /// Notes in the set of all processes that one is alive: the second half of ``heartbeat``.
    ///
    /// - Keys: processes.
    /// - Arguments: as for ``heartbeat``.
    static let announceProcess = RedisScript(
        shared + unable + """
            local ttl = tonumber(ARGV[2])
            local lacking = unable(ARGV[4], 5)
            if lacking then return lacking end
            redis.call('ZADD', KEYS[1], digits(started() + ttl), ARGV[1])
            outlive(KEYS[1], math.max(ttl, tonumber(ARGV[3])))
            return 1
            """)
}
