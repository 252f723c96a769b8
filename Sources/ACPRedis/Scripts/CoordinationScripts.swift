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
            redis.call('ZADD', KEYS[2], digits(started + ttl), ARGV[1])
            outlive(KEYS[2], math.max(ttl, tonumber(ARGV[3])))
            return 1
            """)

    /// The processes whose heartbeat has not run out; forgets the others. Their times stand in the set, so that one whose
    /// heartbeat comes at this moment is not lost.
    ///
    /// - Keys: processes.
    static let liveProcesses = RedisScript(
        shared + """
            redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(started))
            return redis.call('ZRANGE', KEYS[1], 0, -1)
            """)

    /// Stores a signal if there is none with its key, and wakes the process that owns the run.
    ///
    /// - Keys: signals.
    /// - Arguments: key of the signal, signal, TTL, channel or nothing, run id.
    /// - Gives whether it was new.
    static let send = RedisScript(
        shared + """
            local isNew = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
            outlive(KEYS[1], tonumber(ARGV[3]))
            if isNew == 1 and ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
            return isNew
            """)
}
