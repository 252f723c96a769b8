// SPDX-License-Identifier: Apache-2.0

import Redis

/// Keys of ``RedisScripts/page`` and ``RedisScripts/ownedRuns``.
enum PageKey: String, ScriptName {
    /// The queue of runs that may have expired.
    case queue
    case index
}

/// Arguments of ``RedisScripts/page``.
enum PageArgument: String, ScriptName {
    /// Ranks, counted from the newest.
    case firstRank, lastRank
    /// The maximum number of due runs to return.
    case limit
}

/// Arguments of ``RedisScripts/ownedRuns``.
enum OwnedRunsArgument: String, ScriptName {
    /// The maximum number of due runs to return.
    case dueLimit
}

/// Keys of ``RedisScripts/prune``.
enum PruneKey: String, ScriptName {
    case run
    /// The queue of runs that may have expired.
    case queue
}

/// Arguments of ``RedisScripts/prune``.
enum PruneArgument: String, ScriptName {
    case id
    /// The run's member of the queue.
    case queueMember
    /// In milliseconds.
    case ttl

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Keys of ``RedisScripts/forget``.
enum ForgetKey: String, ScriptName {
    case run
}

/// Arguments of ``RedisScripts/forget``.
enum ForgetArgument: String, ScriptName {
    case id
}

/// Keys of ``RedisScripts/pruneOwned``.
enum PruneOwnedKey: String, ScriptName {
    case owner, processRuns, run
}

/// Arguments of ``RedisScripts/pruneOwned``.
enum PruneOwnedArgument: String, ScriptName {
    case id
    /// The prefix of the process's owner values.
    case ownerPrefix
    /// In milliseconds.
    case ttl

    var form: ScriptForm { self == .ttl ? .number : .text }
}

extension RedisScripts {
    /// A page of an index without expired runs, or the runs that may have expired.
    ///
    /// A run never expires before its time in the queue. So if nothing in the queue is due, every member of an index
    /// exists, and the total is exact.
    ///
    /// - Returns the due runs; if there are none, also the total and the ids.
    static let page = Script<PageKey, PageArgument, NoNames>(
        [clock],
        """
        local due = redis.call('ZRANGEBYSCORE', queueKey, '-inf', digits(startTime()), 'LIMIT', 0, limit)
        if #due > 0 then return {due} end
        return {due, redis.call('ZCARD', indexKey), redis.call('ZREVRANGE', indexKey, firstRank, lastRank)}
        """)

    /// The runs of a process, and runs that are due for a check.
    ///
    /// - Returns both lists of ids, the due ones first.
    static let ownedRuns = Script<PageKey, OwnedRunsArgument, NoNames>(
        [clock],
        """
        local due = redis.call('ZRANGEBYSCORE', queueKey, '-inf', digits(startTime()), 'LIMIT', 0, dueLimit)
        return {due, redis.call('ZRANGE', indexKey, 0, -1)}
        """)

    /// Checks a run that may have expired: removes it from its indexes if it has, and otherwise moves it in the queue
    /// to the time at which it would expire now. One atomic step, so that a run that is created anew meanwhile loses
    /// nothing.
    ///
    /// - More keys: the indexes; then those by status, of which one contains the run.
    static let prune = Script<PruneKey, PruneArgument, NoNames>(
        [clock, remaining],
        """
        local left = remaining(runKey, ttl)
        if left == -2 then
          local firstStatus = #KEYS - \(RedisKeys.statuses.count) + 1
          for i = moreKeys, firstStatus - 1 do redis.call('ZREM', KEYS[i], id) end
          for i = firstStatus, #KEYS do
            if redis.call('ZREM', KEYS[i], id) == 1 then break end
          end
          redis.call('ZREM', queueKey, queueMember)
        else
          redis.call('ZADD', queueKey, 'XX', digits(startTime() + left - 1), queueMember)
        end
        return left
        """)

    /// Removes a run that no longer exists (evicted, deleted by hand) from indexes.
    ///
    /// - More keys: the indexes.
    static let forget = Script<ForgetKey, ForgetArgument, NoNames>(
        [],
        """
        if redis.call('EXISTS', runKey) == 1 then return 0 end
        for i = moreKeys, #KEYS do redis.call('ZREM', KEYS[i], id) end
        return 1
        """)

    /// The counterpart of ``prune`` for the runs of a process: removes those that no longer exist, have ended or belong
    /// to another process. A run whose owner is not known stays: no other process would continue it.
    ///
    /// - More keys: the indexes of unfinished runs.
    static let pruneOwned = Script<PruneOwnedKey, PruneOwnedArgument, NoNames>(
        [clock, remaining],
        """
        local owner = redis.call('GET', ownerKey)
        local source = owner and string.sub(owner, 1, #ownerPrefix) == ownerPrefix and ownerKey
        if not owner and redis.call('EXISTS', runKey) == 1 then
          for i = moreKeys, #KEYS do
            if redis.call('ZSCORE', KEYS[i], id) then source = runKey end
          end
        end
        if source then
          local left = remaining(source, ttl)
          redis.call('ZADD', processRunsKey, 'XX', digits(startTime() + left - 1), id)
        else
          redis.call('ZREM', processRunsKey, id)
        end
        return 1
        """)
}
