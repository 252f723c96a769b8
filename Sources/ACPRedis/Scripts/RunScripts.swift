// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis

extension RedisScripts {
    /// The libraries of scripts that write a run.
    private static let writing = rights + publishing + clock + lives + lists + indexing

    /// Writes a commit: all of it or nothing, only for the owner, only at the expected position, and only once.
    ///
    /// - More keys: the ``SessionKey``s if the commit appends to the history of a session; then one for each index
    ///   change.
    /// - More arguments: for each content its digest and its bytes; the arguments that `appendBlock` reads; the events.
    /// - Returns the number of events; or, where there is more to report, `done`, the number, the due members of
    ///   queues, and whether data of an earlier run with that id was left; or what `rejection` returns.
    static let commit = PublishingScript<RunKey, CommitArgument, ChangeArgument>(
        [writing, history, missingEvents, rejection, ends],
        """
        local life = digits(ttl)
        local block = moreArguments + 2 * contentCount
        local first = block + historyCount
        local count = #ARGV - first + 1
        local total, left = expecting + count, 0
        local denial
        if expecting == 0 or contentCount > 0 or historyCount > 0 or changeKinds ~= '' then
          denial = commandDenial('EXISTS', 'GET', 'LLEN', 'HEXISTS', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD',
            'ZADD', 'ZREM', 'PTTL', 'ZRANGEBYSCORE', 'TIME')
        else
          denial = commandDenial('EXISTS', 'GET', 'LLEN', 'SET', 'RPUSH', 'PEXPIRE')
        end
        denial = denial or channelDenial(channel)
        if denial then return denial end
        local isNew = expecting == 0 and snapshot ~= ''
        local isLeft = isNew and redis.call('EXISTS', runKey, eventsKey, contentsKey, deletedKey) > 0
        if isLeft then
          isNew = redis.call('EXISTS', runKey) == 0
          if isNew and redis.call('EXISTS', deletedKey) == 1 then return {'deleted'} end
        end
        if not isNew then
          local refusal, found = rejection(count, owner, expecting, refusingSignals, \(RunKey.keyVariables))
          if refusal then return refusal end
          if count > 0 and found == total then
            if not ends(eventsKey, expecting, first) then return {'conflict', found} end
            refresh(1, \(RunKey.lastPart), life)
            return total
          end
        end
        if string.find(changeKinds, \(IndexChange.Kind.clockPattern)) then startTime() end
        redis.call(publishCommand, channel, total)
        if isNew then
          -- An earlier run was evicted or deleted by hand in part.
          if isLeft then left = redis.call('DEL', eventsKey, contentsKey) end
          redis.call('SET', runKey, snapshot, 'PX', life)
          redis.call('SET', ownerKey, owner, 'PX', life)
          if input ~= '' then redis.call('SET', inputKey, input, 'PX', life) else redis.call('DEL', inputKey) end
        elseif snapshot ~= '' then
          redis.call('SET', runKey, snapshot, 'PX', life)
        else
          -- Changes nothing. The first change of a script is the one that a server without memory refuses.
          redis.call('SET', runKey, '', 'NX')
        end
        for i = moreArguments, block - 1, 2 do redis.call('HSET', contentsKey, ARGV[i], ARGV[i + 1]) end
        -- Keys that were just written with their time to live are skipped.
        if isNew then
          if contentCount > 0 then redis.call('PEXPIRE', contentsKey, life) end
        else
          refresh(snapshot == '' and \(RunKey.run.position) or \(RunKey.events.position), lastProlonged, life)
        end
        local index = moreKeys
        if historyCount > 0 then
          appendBlock(moreKeys, block)
          index = moreKeys + \(SessionKey.count)
          refresh(moreKeys, index - 1, life)
        end
        local due = change(index, ttl, \(ChangeArgument.argumentVariables))
        -- Last, since it is the only change that may not be made twice. A server that is killed while it writes this to
        -- its append-only file, and is restarted twice, may make the first changes twice (valkey-io/valkey#4342).
        push(eventsKey, first, #ARGV)
        if expecting == 0 then redis.call('PEXPIRE', eventsKey, life) end
        if #due == 0 and left == 0 then return total end
        return {'done', total, due, left}
        """)

    /// Needs ``missingEvents``.
    ///
    /// - `rejection` returns why a commit of `count` events to an existing run is rejected, or nothing and the number
    ///   of events of the run. The reason is one of the codes of `CommitOutcome`, `conflict` with the number found;
    ///   `unowned` if the run has no owner; `incomplete` and `run`, of which other keys exist; or `incomplete`,
    ///   `events`, the number found and the number that the snapshot covers.
    static let rejection = """
        local function rejection(count, owner, expecting, refusingSignals, \(RunKey.keyVariables))
          if redis.call('EXISTS', runKey) == 0 then
            if redis.call('EXISTS', eventsKey, ownerKey, inputKey, contentsKey) == 0 then return {'missing'} end
            return {'incomplete', 'run'}
          end
          local holder = redis.call('GET', ownerKey)
          if not holder then return {'unowned'} end
          if holder ~= owner then return {'fenced'} end
          local found = redis.call('LLEN', eventsKey)
          if found ~= expecting and (count == 0 or found ~= expecting + count) then
            return missingEvents(found, runKey) or {'conflict', found}
          end
          if refusingSignals ~= '' and found == expecting then
            for signal in string.gmatch(refusingSignals, '%S+') do
              if redis.call('HEXISTS', signalsKey, signal) == 1 then
                return {signal == '\(RunSignal.cancel.key)' and 'cancelled' or 'answered'}
              end
            end
          end
          return nil, found
        end

        """

    /// - `ends` returns whether the arguments from `first` are the elements of a list from the index `from`.
    private static let ends = """
        local function ends(key, from, first)
          for i, element in ipairs(redis.call('LRANGE', key, from, -1)) do
            if element ~= ARGV[first + i - 1] then return false end
          end
          return true
        end

        """

    /// - `missingEvents` returns `incomplete`, `events`, the number of events and the number that the snapshot covers,
    ///   if that is greater.
    static let missingEvents = """
        local function missingEvents(found, runKey)
          local covered = string.match(redis.call('GETRANGE', runKey, -32, -1), ',"_events":(%d+)}$')
          if covered and tonumber(covered) > found then return {'incomplete', 'events', found, tonumber(covered)} end
        end

        """

    /// Checks whether a commit would be accepted at this moment. Returns `done`, or what ``commit`` would return.
    static let canCommit = PublishingScript<RunKey, CanCommitArgument, NoNames>(
        [rights, publishing, missingEvents, rejection],
        """
        local denial = commandDenial('EXISTS', 'GET', 'LLEN', 'HEXISTS', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD',
          'ZADD', 'ZREM', 'PTTL', 'ZRANGEBYSCORE', 'TIME') or channelDenial(channel)
        if denial then return denial end
        if not canCreate or redis.call('EXISTS', runKey) == 1 then
          local refusal = rejection(count, owner, expecting, refusingSignals, \(RunKey.keyVariables))
          if refusal then return refusal end
        elseif redis.call('EXISTS', deletedKey) == 1 then
          return {'deleted'}
        end
        return {'done', 0}
        """)

    /// The state of a run at one moment: snapshot, owner, and the events that the snapshot does not cover.
    ///
    /// - Returns nothing if there is no run, and only the snapshot if that does not end with the number of events that
    ///   it covers.
    static let record = Script<RecordKey, NoNames, NoNames>(
        [],
        """
        local run = redis.call('GET', runKey)
        if not run then return false end
        local covered = string.match(string.sub(run, -32), ',"_events":(%d+)}$')
        if not covered then return {run} end
        return {run, redis.call('GET', ownerKey), redis.call('LRANGE', eventsKey, covered, -1)}
        """)

    /// A run's snapshot and owner, and the digest by which ``save`` detects a change.
    static let inspect = Script<RunStateKey, NoNames, NoNames>(
        [],
        """
        local run = redis.call('GET', runKey)
        if not run then return false end
        return {run, redis.call('GET', ownerKey), redis.sha1hex(run)}
        """)

    /// Saves a run, regardless of its owner. The snapshot covers all stored events.
    ///
    /// - More keys: one for each index change. The changes apply only if the previous run is unchanged.
    /// - Returns `OK` and the due members of queues; or `AGAIN` if the run has changed.
    static let save = PublishingScript<RunKey, SaveArgument, ChangeArgument>(
        [writing],
        """
        local denial = commandDenial('GET', 'LLEN', 'SET', 'DEL', 'PEXPIRE', 'ZADD', 'ZREM', 'PTTL',
          'ZRANGEBYSCORE', 'TIME') or channelDenial(channel)
        if denial then return denial end
        local old = redis.call('GET', runKey)
        if (old and redis.sha1hex(old) or '') ~= digest then return {'AGAIN'} end
        startTime()
        local count = old and redis.call('LLEN', eventsKey) or 0
        redis.call(publishCommand, channel, digits(count))
        redis.call('SET', runKey, beginning .. digits(count) .. '}', 'PX', digits(ttl))
        if not old then redis.call('DEL', eventsKey, ownerKey, inputKey, contentsKey) end
        refresh(1, \(RunKey.lastPart), digits(ttl))
        return {'OK', change(moreKeys, ttl, \(ChangeArgument.argumentVariables))}
        """)

    /// Appends one event, regardless of the owner of the run.
    ///
    /// - More keys: one for each index change.
    /// - Returns the number of events, nothing if there is no run, or `incomplete` and what `rejection` returns with
    ///   it.
    static let append = PublishingScript<RunKey, AppendArgument, ChangeArgument>(
        [writing, missingEvents],
        """
        local denial = commandDenial('EXISTS', 'LLEN', 'GETRANGE', 'RPUSH', 'PEXPIRE', 'ZADD', 'PTTL', 'TIME')
          or channelDenial(channel)
        if denial then return denial end
        if redis.call('EXISTS', runKey) == 0 then
          if redis.call('EXISTS', eventsKey, ownerKey, inputKey, contentsKey) > 0 then return {'incomplete', 'run'} end
          return false
        end
        local found = redis.call('LLEN', eventsKey)
        local short = missingEvents(found, runKey)
        if short then return short end
        if changeKinds ~= '' then startTime() end
        redis.call(publishCommand, channel, found + 1)
        local count = redis.call('RPUSH', eventsKey, event)
        refresh(1, \(RunKey.lastPart), digits(ttl))
        change(moreKeys, ttl, \(ChangeArgument.argumentVariables))
        return count
        """)

    /// Changes the owner of a run if it has the expected owner. Of several claimers one succeeds; if that one repeats
    /// the call, it succeeds again.
    ///
    /// - More keys: the ``ClaimIndexKey``s; the indexes of unfinished runs; then one for each index change.
    /// - Returns 1 or 0.
    static let claim = Script<RunKey, ClaimArgument, ChangeArgument>(
        [rights, clock, lives, indexing],
        """
        local denial = commandDenial('EXISTS', 'GET', 'SET', 'PEXPIRE', 'ZSCORE', 'ZREM', 'ZADD', 'PTTL', 'TIME')
        if denial then return denial end
        if redis.call('EXISTS', runKey) == 0 then return 0 end
        local found = redis.call('GET', ownerKey) or ''
        if found ~= currentOwner and found ~= newOwner then return 0 end
        startTime()
        redis.call('SET', ownerKey, newOwner, 'PX', digits(ttl))
        refresh(1, \(RunKey.lastPart), digits(ttl))
        \(ClaimIndexKey.keyGroup(at: "moreKeys"))
        local firstUnfinished = moreKeys + \(ClaimIndexKey.count)
        local firstChange = firstUnfinished + \(RedisKeys.unfinishedStatuses.count)
        local unfinished = false
        for i = firstUnfinished, firstChange - 1 do
          unfinished = unfinished or redis.call('ZSCORE', KEYS[i], runMember)
        end
        redis.call('ZREM', oldOwnerRunsKey, runMember)
        if unfinished then
          redis.call('ZADD', newOwnerRunsKey, digits(startTime() + ttl - 1), runMember)
          extendIndex(newOwnerRunsKey, ttl)
        end
        change(firstChange, ttl, \(ChangeArgument.argumentVariables))
        return 1
        """)

    /// Deletes a run, or what is left of it. A run that is there can be deleted for good: then ``commit`` does not create
    /// it again for some time.
    ///
    /// - More keys: one for each index change.
    /// - Returns whether there was any data. Signals do not count: they may exist without a run.
    static let delete = PublishingScript<RunKey, DeleteArgument, ChangeArgument>(
        [writing],
        """
        local denial = commandDenial('EXISTS', 'UNLINK', 'ZREM', 'SET') or channelDenial(channel)
        if denial then return denial end
        local there = redis.call('EXISTS', runKey, eventsKey, ownerKey, inputKey, contentsKey) > 0
        redis.call(publishCommand, channel, 0)
        for i = 1, \(RunKey.lastPart) do redis.call('UNLINK', KEYS[i]) end
        if there and refusedFor > 0 then redis.call('SET', deletedKey, '', 'PX', refusedFor) end
        change(moreKeys, 0, \(ChangeArgument.argumentVariables))
        return there and 1 or 0
        """)
}
