// SPDX-License-Identifier: Apache-2.0

import Redis

/// Key of scripts that read or write one index.
enum IndexKey: String, ScriptName {
    case index
}

/// Argument of ``RedisScripts/index`` and ``RedisScripts/runState``.
enum LifeArgument: String, ScriptName {
    /// In milliseconds.
    case ttl

    var form: ScriptForm { .number }
}

/// Argument of ``RedisScripts/due``.
enum DueArgument: String, ScriptName {
    /// The maximum number of members to return.
    case limit
}

/// Arguments of ``RedisScripts/range``.
enum RangeArgument: String, ScriptName {
    /// Ranks, counted from the newest.
    case firstRank, lastRank
}

/// Arguments of ``RedisScripts/isUnchanged``.
enum IsUnchangedArgument: String, ScriptName {
    /// Empty if there was no run.
    case digest
    /// Empty if the run had no owner.
    case owner
}

/// Scripts for a cluster, in place of scripts whose keys would be in several slots.
extension RedisScripts {
    /// Changes one index.
    ///
    /// - More arguments: for each change an ``IndexStep``. ``IndexChange/Kind/checkSoon`` never delays a check.
    /// - Returns due members, at most 16, if something was added to a queue.
    static let index = Script<IndexKey, LifeArgument, NoNames>(
        [clock, lives],
        """
        local due = {}
        for i = moreArguments, #ARGV, \(IndexStep.count) do
          \(IndexStep.argumentGroup(at: "i"))
          if kind == \(IndexChange.Kind.remove.lua) then
            redis.call('ZREM', indexKey, member)
          elseif kind == \(IndexChange.Kind.add.lua) or kind == \(IndexChange.Kind.addByStatus.lua) then
            redis.call('ZADD', indexKey, number, member)
          elseif kind == \(IndexChange.Kind.enqueue.lua) then
            if #due == 0 then
              due = redis.call('ZRANGEBYSCORE', indexKey, '-inf', digits(startTime()), 'LIMIT', 0, 16)
            end
            redis.call('ZADD', indexKey, digits(startTime() + number), member)
          elseif kind == \(IndexChange.Kind.checkSoon.lua) then
            redis.call('ZADD', indexKey, 'LT', digits(startTime() + number), member)
          end
        end
        extendIndex(indexKey, ttl)
        return due
        """)

    /// The due members of a queue.
    static let due = Script<IndexKey, DueArgument, NoNames>(
        [clock],
        """
        return redis.call('ZRANGEBYSCORE', indexKey, '-inf', digits(startTime()), 'LIMIT', 0, limit)
        """)

    /// A page of an index, and the number of its members.
    static let range = Script<IndexKey, RangeArgument, NoNames>(
        [],
        """
        return {redis.call('ZCARD', indexKey), redis.call('ZREVRANGE', indexKey, firstRank, lastRank)}
        """)

    /// The properties of a run that determine its index entries: its snapshot, owner, digest, and remaining lifetime.
    /// The TTL applies to a run without expiry.
    static let runState = Script<RunStateKey, LifeArgument, NoNames>(
        [remaining],
        """
        local run = redis.call('GET', runKey)
        if not run then return false end
        return {run, redis.call('GET', ownerKey), redis.sha1hex(run), remaining(runKey, ttl)}
        """)

    /// Whether a run is unchanged.
    ///
    /// - Returns 1 or 0.
    static let isUnchanged = Script<RunStateKey, IsUnchangedArgument, NoNames>(
        [],
        """
        local run = redis.call('GET', runKey)
        if (run and redis.sha1hex(run) or '') ~= digest then return 0 end
        if run and (redis.call('GET', ownerKey) or '') ~= owner then return 0 end
        return 1
        """)

    /// Changes the owner of a run: ``claim`` without the indexes.
    ///
    /// - Returns 1 or 0.
    static let claimAlone = Script<RunKey, ClaimArgument, NoNames>(
        [rights, clock, lives],
        """
        local denial = commandDenial('EXISTS', 'GET', 'SET', 'PEXPIRE')
        if denial then return denial end
        if redis.call('EXISTS', runKey) == 0 then return 0 end
        local found = redis.call('GET', ownerKey) or ''
        if found ~= currentOwner and found ~= newOwner then return 0 end
        redis.call('SET', ownerKey, newOwner, 'PX', digits(ttl))
        refresh(1, moreKeys - 1, digits(ttl))
        return 1
        """)

    /// Records that a process is alive, without the set of all processes: the first half of ``heartbeat``.
    static let recordProcess = PublishingScript<ProcessKey, HeartbeatArgument, NoNames>(
        [rights, publishing, clock, commitDenial],
        """
        local denial = commitDenial()
        if denial then return denial end
        redis.call('SET', processKey, '1', 'PX', digits(lifetime))
        return 1
        """)

    /// Records in the set of all processes that one is alive: the second half of ``heartbeat``.
    static let announceProcess = PublishingScript<ProcessesKey, HeartbeatArgument, NoNames>(
        [rights, publishing, clock, lives, commitDenial],
        """
        local denial = commitDenial()
        if denial then return denial end
        redis.call('ZADD', processesKey, digits(startTime() + lifetime), process)
        extend(processesKey, math.max(lifetime, setLifetime))
        return 1
        """)
}
