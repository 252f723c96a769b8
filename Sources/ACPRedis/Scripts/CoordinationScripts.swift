// SPDX-License-Identifier: Apache-2.0

import RedisClient

extension RedisScripts {
    /// Notes that a process is alive.
    ///
    /// - Keys: process, processes.
    /// - Arguments: process id, time to live of the heartbeat in ms, how long the set of processes is kept at least.
    static let heartbeat = RedisScript(
        shared + """
            local ttl = tonumber(ARGV[2])
            redis.call('SET', KEYS[1], '1', 'PX', digits(ttl))
            redis.call('ZADD', KEYS[2], digits(started() + ttl), ARGV[1])
            outlive(KEYS[2], math.max(ttl, tonumber(ARGV[3])))
            return 1
            """)

    /// The processes whose heartbeat has not run out, or those whose has. Their times stand in the set, so that one whose
    /// heartbeat comes at this moment is not lost.
    ///
    /// - Keys: processes.
    /// - Arguments: `live` or `lost`.
    static let listProcesses = RedisScript(
        shared + """
            if ARGV[1] == 'lost' then return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', digits(started())) end
            return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. digits(started()), '+inf')
            """)

    /// Ends the heartbeat of a process.
    ///
    /// - Keys: processes.
    /// - Arguments: process id, how long the set of processes is kept at least.
    /// - Gives the processes that are alive.
    static let leave = RedisScript(
        shared + """
            redis.call('ZADD', KEYS[1], digits(started()), ARGV[1])
            outlive(KEYS[1], tonumber(ARGV[2]))
            return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. digits(started()), '+inf')
            """)

    /// Forgets a process, unless it has come back to life.
    ///
    /// - Keys: processes.
    /// - Arguments: process id.
    static let forgetProcess = RedisScript(
        shared + """
            local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
            if ends and tonumber(ends) <= started() then redis.call('ZREM', KEYS[1], ARGV[1]) end
            return 1
            """)

    /// Stores a signal if there is none with its key, and wakes the process that owns the run at this moment: whoever claims
    /// the run after it reads the signals then, and finds this one.
    ///
    /// - Keys: signals, owner.
    /// - Arguments: key of the signal, signal, TTL, how the channels of processes begin (nothing where they are on other
    ///   servers), run id.
    /// - Gives whether it was new, and the owner.
    static let send = RedisScript(
        shared + """
            local isNew = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
            outlive(KEYS[1], tonumber(ARGV[3]))
            local owner = redis.call('GET', KEYS[2]) or ''
            local process = string.match(owner, '^([^/]+)/')
            if process and ARGV[4] ~= '' then
              process = string.gsub(string.gsub(process, '%%2F', '/'), '%%25', '%%')
              redis.call('PUBLISH', ARGV[4] .. process, ARGV[5])
            end
            return {isNew, owner}
            """)

    /// Puts a run at the end of a queue, unless it stands there.
    ///
    /// - Keys: queue.
    /// - Arguments: run id, TTL.
    /// - Gives the first of the queue.
    static let enqueue = RedisScript(
        """
        if not redis.call('LPOS', KEYS[1], ARGV[1]) then redis.call('RPUSH', KEYS[1], ARGV[1]) end
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return redis.call('LINDEX', KEYS[1], 0)
        """)

    /// Takes a run out of a queue.
    ///
    /// - Keys: queue.
    /// - Arguments: run id, TTL.
    /// - Gives the first of the queue now, or nothing.
    static let dequeue = RedisScript(
        """
        redis.call('LREM', KEYS[1], 0, ARGV[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return redis.call('LINDEX', KEYS[1], 0)
        """)
}
