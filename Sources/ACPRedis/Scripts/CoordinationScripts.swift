// SPDX-License-Identifier: Apache-2.0

import Redis

extension RedisScripts {
    /// - `unable` gives the error to return if the user lacks a right that commits need: one of the commands, a channel of runs, or
    ///   one of the keys that stand in the arguments from a place onward.
    static let unable = """
        local function unable(channel, from)
          local lacking = lacks(channel, 'EXISTS', 'GET', 'GETRANGE', 'LLEN', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD',
            'ZADD', 'ZREM', 'ZSCORE', 'PTTL', 'ZRANGEBYSCORE', 'TIME')
          if lacking or not redis.acl_check_cmd then return lacking end
          for i = from, #ARGV do
            if not redis.acl_check_cmd('EVALSHA', '', '1', ARGV[i]) then
              return redis.error_reply('NOPERM this user may not use the keys of a run')
            end
          end
        end

        """

    /// Notes that a process is alive, if this user can commit.
    ///
    /// - Keys: process, processes.
    /// - Arguments: process id, time to live of the heartbeat in ms, how long the set of processes is kept at least, a channel to
    ///   which nobody listens, one key of each kind that commits use.
    static let heartbeat = RedisScript(
        shared + unable + """
            local ttl = tonumber(ARGV[2])
            local lacking = unable(ARGV[4], 5)
            if lacking then return lacking end
            redis.call('PUBLISH', ARGV[4], '')
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
    /// - Arguments: process id, how long the set of processes is kept at least, a channel such as those of the others.
    /// - Gives the processes that are alive.
    static let leave = RedisScript(
        shared + """
            local lacking = lacks(ARGV[3], 'ZADD', 'PTTL', 'PEXPIRE', 'ZRANGEBYSCORE', 'TIME', 'UNLINK')
            if lacking then return lacking end
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
    /// - Arguments: key of the signal, signal, TTL, how the channels of processes begin, run id, `1` if the process is told here:
    ///   its channel may be on another server.
    /// - Gives whether it was new, and the owner.
    static let send = RedisScript(
        shared + """
            local lacking = lacks(nil, 'GET', 'HSETNX', 'PTTL', 'PEXPIRE')
            if lacking then return lacking end
            local owner = redis.call('GET', KEYS[2]) or ''
            local process, channel = string.match(owner, '^([^/]+)/'), nil
            if process then channel = ARGV[4] .. string.gsub(string.gsub(process, '%%2F', '/'), '%%25', '%%') end
            lacking = lacks(channel)
            if lacking then return lacking end
            if channel and ARGV[6] == '1' then redis.call('PUBLISH', channel, ARGV[5]) end
            local isNew = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
            outlive(KEYS[1], tonumber(ARGV[3]))
            return {isNew, owner}
            """)

    /// Puts a run at the end of a queue, unless it stands there.
    ///
    /// - Keys: queue.
    /// - Arguments: run id, TTL.
    /// - Gives the first of the queue.
    static let enqueue = RedisScript(
        rights + """
            local lacking = lacks(nil, 'LPOS', 'RPUSH', 'PEXPIRE', 'LINDEX')
            if lacking then return lacking end
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
        rights + """
            local lacking = lacks(nil, 'LREM', 'PEXPIRE', 'LINDEX')
            if lacking then return lacking end
            redis.call('LREM', KEYS[1], 0, ARGV[1])
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
            return redis.call('LINDEX', KEYS[1], 0)
            """)
}
