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

/// Arguments of ``RedisScripts/element``.
enum ElementArgument: String, ScriptName {
    /// Counted from the greatest score.
    case rank
}

/// Arguments of ``RedisScripts/rank``: a position in an index.
enum RankArgument: String, ScriptName {
    case time, run
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
    /// Changes indexes of one bucket.
    ///
    /// A check that is scheduled precedes the creation of a run: a user who may not write indexes is rejected then, before
    /// anything is written.
    ///
    /// - More keys: the indexes.
    /// - More arguments: for each change an ``IndexStep``. ``IndexChange/Kind/checkSoon`` never delays a check.
    /// - Returns each queue to which something was added and of which members are due, followed by these, at most 16.
    static let index = Script<NoNames, LifeArgument, NoNames>(
        [rights, clock, lives],
        """
        local due, extended, queried = {}, {}, {}
        for i = moreArguments, #ARGV, \(IndexStep.count) do
          \(IndexStep.argumentGroup(at: "i"))
          if i == moreArguments and kind == \(IndexChange.Kind.checkSoon.lua) then
            local denial = commandDenial('ZADD', 'ZREM', 'ZRANGEBYSCORE', 'TIME', 'PTTL', 'PEXPIRE')
            if denial then return denial end
          end
          local index = KEYS[tonumber(position)]
          if kind == \(IndexChange.Kind.remove.lua) then
            redis.call('ZREM', index, member)
          else
            if not extended[position] then
              extended[position] = true
              extended[#extended + 1] = index
            end
            if kind == \(IndexChange.Kind.add.lua) or kind == \(IndexChange.Kind.addByStatus.lua) then
              redis.call('ZADD', index, number, member)
            elseif kind == \(IndexChange.Kind.enqueue.lua) then
              if not queried[position] then
                queried[position] = true
                local members = redis.call('ZRANGEBYSCORE', index, '-inf', digits(startTime()), 'LIMIT', 0, 16)
                if #members > 0 then
                  due[#due + 1] = index
                  due[#due + 1] = members
                end
              end
              redis.call('ZADD', index, digits(startTime() + number), member)
            elseif kind == \(IndexChange.Kind.checkSoon.lua) then
              redis.call('ZADD', index, 'LT', digits(startTime() + number), member)
            end
          end
        end
        for _, index in ipairs(extended) do extendIndex(index, ttl) end
        return due
        """)

    /// The member of an index at a rank, and its score.
    static let element = Script<IndexKey, ElementArgument, NoNames>(
        [],
        """
        return redis.call('ZREVRANGE', indexKey, rank, rank, 'WITHSCORES')
        """)

    /// Removes members of a queue whose scores have not changed.
    ///
    /// - More arguments: members and their scores in turn.
    static let removeUnchanged = Script<IndexKey, NoNames, NoNames>(
        [],
        """
        for i = moreArguments, #ARGV, 2 do
          local score = redis.call('ZSCORE', indexKey, ARGV[i])
          if score and tonumber(score) == tonumber(ARGV[i + 1]) then redis.call('ZREM', indexKey, ARGV[i]) end
        end
        return 1
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
        refresh(1, \(RunKey.lastPart), digits(ttl))
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
