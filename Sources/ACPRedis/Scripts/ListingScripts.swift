// SPDX-License-Identifier: Apache-2.0

import Redis

extension RedisScripts {
    /// A page of an index that holds no expired run, or which runs may have expired.
    ///
    /// A run never expires before the time at which it stands in the queue. So if nothing in the queue is due, everything
    /// that stands in an index is there, and the total is exact.
    ///
    /// - Keys: queue of runs that may have expired, index.
    /// - Arguments: first and last rank counted from the newest, how many due ones to give at most.
    /// - Gives the due ones; if there are none, also the total and the ids.
    static let page = RedisScript(
        shared + """
            local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', digits(started()), 'LIMIT', 0, ARGV[3])
            if #due > 0 then return {due} end
            return {due, redis.call('ZCARD', KEYS[2]), redis.call('ZREVRANGE', KEYS[2], ARGV[1], ARGV[2])}
            """)

    /// Looks at a run that may have expired: takes it out of its indexes if it did, else puts it back into the queue, to be
    /// looked at when it would expire now. One atomic step, so that a run that is created anew meanwhile loses nothing.
    ///
    /// - Keys: run, queue, then the indexes.
    /// - Arguments: id, member of the queue, TTL.
    static let prune = RedisScript(
        shared + remaining + """
            local left = remaining(KEYS[1], tonumber(ARGV[3]))
            if left == -2 then
              for i = 3, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
              redis.call('ZREM', KEYS[2], ARGV[2])
            else
              redis.call('ZADD', KEYS[2], 'XX', digits(started() + left - 1), ARGV[2])
            end
            return left
            """)

    /// Takes a run that is not there (evicted, deleted by hand) out of indexes.
    ///
    /// - Keys: run, then the indexes.
    /// - Arguments: id.
    static let forget = RedisScript(
        """
        if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
        for i = 2, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
        return 1
        """)

    /// The same as ``prune`` for the runs of a process: takes out those that are gone, have ended or belong to another process by
    /// now. A run whose owner is not known (any more) stays: nobody else would go on with it.
    ///
    /// - Keys: owner, runs of the process, run, the indexes of unfinished runs.
    /// - Arguments: id, how the process's owners begin, TTL.
    static let pruneOwned = RedisScript(
        shared + remaining + """
            local owner = redis.call('GET', KEYS[1])
            local source = owner and string.sub(owner, 1, #ARGV[2]) == ARGV[2] and KEYS[1]
            if not owner and redis.call('EXISTS', KEYS[3]) == 1 then
              for i = 4, #KEYS do
                if redis.call('ZSCORE', KEYS[i], ARGV[1]) then source = KEYS[3] end
              end
            end
            if source then
              local left = remaining(source, tonumber(ARGV[3]))
              redis.call('ZADD', KEYS[2], 'XX', digits(started() + left - 1), ARGV[1])
            else
              redis.call('ZREM', KEYS[2], ARGV[1])
            end
            return 1
            """)
}
