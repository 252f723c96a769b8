// SPDX-License-Identifier: Apache-2.0

import Redis

/// Key of scripts that read or write one index.
enum IndexKey: String, ScriptName {
    case index
}

/// Argument of ``RedisScripts/index`` and ``RedisScripts/standing``.
enum LifeArgument: String, ScriptName {
    /// In ms.
    case ttl

    var form: ScriptForm { .number }
}

/// Argument of ``RedisScripts/due``.
enum DueArgument: String, ScriptName {
    /// How many to give at most.
    case limit
}

/// Arguments of ``RedisScripts/range``.
enum RangeArgument: String, ScriptName {
    /// Ranks, counted from the newest.
    case firstRank, lastRank
}

/// Arguments of ``RedisScripts/stands``.
enum StandsArgument: String, ScriptName {
    /// Empty if there was no run.
    case digest
    /// Empty if nobody owned it.
    case owner
}

/// What is done on a cluster in place of scripts whose keys would be in several slots.
extension RedisScripts {
    /// Changes one index.
    ///
    /// - More arguments: for each change an ``IndexStep``. ``IndexChange/Kind/intend`` never has a member looked at later than before.
    /// - Gives what is due to be looked at, if something was put into a queue: at most 16 members.
    static let index = Script<IndexKey, LifeArgument, NoNames>(
        [clock, lives],
        """
        local due = {}
        for i = moreArguments, #ARGV, \(IndexStep.count) do
          \(IndexStep.argumentGroup(at: "i"))
          if kind == \(IndexChange.Kind.remove.lua) then
            redis.call('ZREM', indexKey, member)
          elseif kind == \(IndexChange.Kind.add.lua) then
            redis.call('ZADD', indexKey, number, member)
          elseif kind == \(IndexChange.Kind.enqueue.lua) then
            if #due == 0 then
              due = redis.call('ZRANGEBYSCORE', indexKey, '-inf', digits(started()), 'LIMIT', 0, 16)
            end
            redis.call('ZADD', indexKey, digits(started() + number), member)
          elseif kind == \(IndexChange.Kind.intend.lua) then
            redis.call('ZADD', indexKey, 'LT', digits(started() + number), member)
          end
        end
        outliveRuns(indexKey, ttl)
        return due
        """)

    /// What is due in a queue.
    static let due = Script<IndexKey, DueArgument, NoNames>(
        [clock],
        """
        return redis.call('ZRANGEBYSCORE', indexKey, '-inf', digits(started()), 'LIMIT', 0, limit)
        """)

    /// A page of an index, and how many members it has.
    static let range = Script<IndexKey, RangeArgument, NoNames>(
        [],
        """
        return {redis.call('ZCARD', indexKey), redis.call('ZREVRANGE', indexKey, firstRank, lastRank)}
        """)

    /// What decides about a run's places in indexes: its snapshot, owner, digest, and how long it lives on. The TTL is for a run that
    /// somebody made persistent.
    static let standing = Script<StandingKey, LifeArgument, NoNames>(
        [remaining],
        """
        local run = redis.call('GET', runKey)
        if not run then return false end
        return {run, redis.call('GET', ownerKey), redis.sha1hex(run), remaining(runKey, ttl)}
        """)

    /// Whether a run still stands as it did.
    ///
    /// - Gives 1 or 0.
    static let stands = Script<StandingKey, StandsArgument, NoNames>(
        [],
        """
        local run = redis.call('GET', runKey)
        if (run and redis.sha1hex(run) or '') ~= digest then return 0 end
        if run and (redis.call('GET', ownerKey) or '') ~= owner then return 0 end
        return 1
        """)

    /// Hands a run from one owner to another: ``claim`` without the indexes.
    ///
    /// - Gives 1 or 0.
    static let claimAlone = Script<RunKey, ClaimArgument, NoNames>(
        [rights, clock, lives],
        """
        local lacking = lacks('EXISTS', 'GET', 'SET', 'PEXPIRE')
        if lacking then return lacking end
        if redis.call('EXISTS', runKey) == 0 then return 0 end
        local found = redis.call('GET', ownerKey) or ''
        if found ~= currentOwner and found ~= newOwner then return 0 end
        redis.call('SET', ownerKey, newOwner, 'PX', digits(ttl))
        refresh(1, moreKeys - 1, digits(ttl))
        return 1
        """)

    /// Notes that a process is alive, without the set of all processes: the first half of ``heartbeat``.
    static let noteProcess = PublishingScript<ProcessKey, HeartbeatArgument, NoNames>(
        [rights, publishing, clock, unable],
        """
        local lacking = unable()
        if lacking then return lacking end
        redis.call('SET', processKey, '1', 'PX', digits(life))
        return 1
        """)

    /// Notes in the set of all processes that one is alive: the second half of ``heartbeat``.
    static let announceProcess = PublishingScript<ProcessesKey, HeartbeatArgument, NoNames>(
        [rights, publishing, clock, lives, unable],
        """
        local lacking = unable()
        if lacking then return lacking end
        redis.call('ZADD', processesKey, digits(started() + life), process)
        outlive(processesKey, math.max(life, kept))
        return 1
        """)
}
