// SPDX-License-Identifier: Apache-2.0

import Redis

extension RedisScripts {
    /// What scripts need that write a run.
    private static let writing = rights + publishing + clock + lives + lists + indexing

    /// Writes a commit: all of it or nothing, only by the owner, only at its place, and only once.
    ///
    /// - More keys: the ``SessionKey``s if something goes into the history of a session; then one for each index change.
    /// - More arguments: for each content its digest and its bytes; the words that `remember` takes; the events.
    /// - Gives the count; where there is more to say `done`, the count, what is due in queues, and whether something was left of an
    ///   earlier run with that id; or what `objection` gives.
    static let commit = PublishingScript<RunKey, CommitArgument, ChangeArgument>(
        [writing, history, shortened, objection],
        """
        local life = digits(ttl)
        local block = moreArguments + 2 * contentCount
        local first = block + historyCount
        local count = #ARGV - first + 1
        local total, left = expecting + count, 0
        local lacking
        if expecting == 0 or contentCount > 0 or historyCount > 0 or changeKinds ~= '' then
          lacking = lacks('EXISTS', 'GET', 'LLEN', 'HEXISTS', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD', 'ZADD', 'ZREM',
            'PTTL', 'ZRANGEBYSCORE', 'TIME')
        else
          lacking = lacks('EXISTS', 'GET', 'LLEN', 'SET', 'RPUSH', 'PEXPIRE')
        end
        lacking = lacking or lacksChannel(channel)
        if lacking then return lacking end
        local isNew = expecting == 0 and snapshot ~= '' and redis.call('EXISTS', runKey) == 0
        if not isNew then
          local refusal, found = objection(count, owner, expecting, isRefusedAfterCancel, \(RunKey.keyVariables))
          if refusal then return refusal end
          if count > 0 and found == total then
            refresh(1, moreKeys - 1, life)
            return total
          end
        end
        if string.find(changeKinds, \(IndexChange.Kind.clockPattern)) then started() end
        redis.call(publishCommand, channel, total)
        if isNew then
          redis.call('SET', runKey, snapshot, 'PX', life)
          redis.call('SET', ownerKey, owner, 'PX', life)
          if input ~= '' then redis.call('SET', inputKey, input, 'PX', life) else redis.call('DEL', inputKey) end
          if push(eventsKey, first, #ARGV) ~= count then
            -- There was a run which was evicted or deleted by hand in part.
            left = redis.call('DEL', eventsKey, contentsKey)
            push(eventsKey, first, #ARGV)
          end
        else
          push(eventsKey, first, #ARGV)
          if snapshot ~= '' then redis.call('SET', runKey, snapshot, 'PX', life) end
        end
        for i = moreArguments, block - 1, 2 do redis.call('HSET', contentsKey, ARGV[i], ARGV[i + 1]) end
        -- What was written just now with its time to live is passed over.
        if isNew then
          redis.call('PEXPIRE', eventsKey, life)
          if contentCount > 0 then redis.call('PEXPIRE', contentsKey, life) end
        else
          refresh(snapshot == '' and \(RunKey.run.position) or \(RunKey.events.position), lastProlonged, life)
        end
        local index = moreKeys
        if historyCount > 0 then
          remember(moreKeys, block)
          index = moreKeys + \(SessionKey.count)
          refresh(moreKeys, index - 1, life)
        end
        local due = change(index, ttl, \(ChangeArgument.argumentVariables))
        if #due == 0 and left == 0 then return total end
        return {'done', total, due, left}
        """)

    /// Needs ``shortened``.
    ///
    /// - `objection` gives why a commit of so many events to a run that is not to be created is not taken, and nothing if it is; and
    ///   how many events the run has. It gives the codes of `CommitOutcome`, `conflict` with the count found;
    ///   `unowned` if nobody owns the run; `incomplete` and `run`, of which other keys are there; or `incomplete`, `events`, the count
    ///   found and the count that the snapshot covers.
    static let objection = """
        local function objection(count, owner, expecting, isRefusedAfterCancel, \(RunKey.keyVariables))
          if redis.call('EXISTS', runKey) == 0 then
            if redis.call('EXISTS', eventsKey, ownerKey, inputKey, contentsKey) > 0 then return {'incomplete', 'run'} end
            return {'missing'}
          end
          local holder = redis.call('GET', ownerKey)
          if not holder then return {'unowned'} end
          if holder ~= owner then return {'fenced'} end
          local found = redis.call('LLEN', eventsKey)
          if found ~= expecting and (count == 0 or found ~= expecting + count) then
            return shortened(found, runKey) or {'conflict', found}
          end
          if isRefusedAfterCancel and found == expecting and redis.call('HEXISTS', signalsKey, 'cancel') == 1 then
            return {'cancelled'}
          end
          return nil, found
        end

        """

    /// - `shortened` gives `incomplete`, `events`, the count of events and the count that the snapshot covers, if that is more.
    static let shortened = """
        local function shortened(found, runKey)
          local covered = string.match(redis.call('GETRANGE', runKey, -32, -1), ',"_events":(%d+)}$')
          if covered and tonumber(covered) > found then return {'incomplete', 'events', found, tonumber(covered)} end
        end

        """

    /// Whether a commit would be taken at this moment. Gives `done`, or what ``commit`` would give.
    static let mayCommit = PublishingScript<RunKey, MayCommitArgument, NoNames>(
        [rights, publishing, shortened, objection],
        """
        local lacking = lacks('EXISTS', 'GET', 'LLEN', 'HEXISTS', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD', 'ZADD',
          'ZREM', 'PTTL', 'ZRANGEBYSCORE', 'TIME') or lacksChannel(channel)
        if lacking then return lacking end
        if not mayCreate or redis.call('EXISTS', runKey) == 1 then
          local refusal = objection(count, owner, expecting, isRefusedAfterCancel, \(RunKey.keyVariables))
          if refusal then return refusal end
        end
        return {'done', 0}
        """)

    /// A run as it stands at one moment: snapshot, owner, and the events that the snapshot does not cover.
    ///
    /// - Gives nothing if there is no run, and the snapshot alone if it does not say how many events it covers.
    static let record = Script<RecordKey, NoNames, NoNames>(
        [],
        """
        local run = redis.call('GET', runKey)
        if not run then return false end
        local covered = string.match(string.sub(run, -32), ',"_events":(%d+)}$')
        if not covered then return {run} end
        return {run, redis.call('GET', ownerKey), redis.call('LRANGE', eventsKey, covered, -1)}
        """)

    /// A run's snapshot and owner, and the digest by which ``save`` knows that it is still the same.
    static let inspect = Script<StandingKey, NoNames, NoNames>(
        [],
        """
        local run = redis.call('GET', runKey)
        if not run then return false end
        return {run, redis.call('GET', ownerKey), redis.sha1hex(run)}
        """)

    /// Saves a run by hand, whoever owns it. The snapshot covers all events that are there.
    ///
    /// - More keys: one for each index change. The changes hold only if the run that was there is still there.
    /// - Gives `OK` and what is due in queues; or `AGAIN` if another run is there.
    static let save = PublishingScript<RunKey, SaveArgument, ChangeArgument>(
        [writing],
        """
        local lacking = lacks('GET', 'LLEN', 'SET', 'DEL', 'PEXPIRE', 'ZADD', 'ZREM', 'PTTL', 'ZRANGEBYSCORE', 'TIME')
          or lacksChannel(channel)
        if lacking then return lacking end
        local old = redis.call('GET', runKey)
        if (old and redis.sha1hex(old) or '') ~= digest then return {'AGAIN'} end
        started()
        local count = old and redis.call('LLEN', eventsKey) or 0
        redis.call(publishCommand, channel, digits(count))
        redis.call('SET', runKey, beginning .. digits(count) .. '}', 'PX', digits(ttl))
        if not old then redis.call('DEL', eventsKey, ownerKey, inputKey, contentsKey) end
        refresh(1, moreKeys - 1, digits(ttl))
        return {'OK', change(moreKeys, ttl, \(ChangeArgument.argumentVariables))}
        """)

    /// Appends one event by hand, whoever owns the run.
    ///
    /// - More keys: one for each index change.
    /// - Gives the count, nothing if there is no run, or `incomplete` and what `objection` gives with it.
    static let append = PublishingScript<RunKey, AppendArgument, ChangeArgument>(
        [writing, shortened],
        """
        local lacking = lacks('EXISTS', 'LLEN', 'GETRANGE', 'RPUSH', 'PEXPIRE', 'ZADD', 'PTTL', 'TIME') or lacksChannel(channel)
        if lacking then return lacking end
        if redis.call('EXISTS', runKey) == 0 then
          if redis.call('EXISTS', eventsKey, ownerKey, inputKey, contentsKey) > 0 then return {'incomplete', 'run'} end
          return false
        end
        local found = redis.call('LLEN', eventsKey)
        local short = shortened(found, runKey)
        if short then return short end
        if changeKinds ~= '' then started() end
        redis.call(publishCommand, channel, found + 1)
        local count = redis.call('RPUSH', eventsKey, event)
        refresh(1, moreKeys - 1, digits(ttl))
        change(moreKeys, ttl, \(ChangeArgument.argumentVariables))
        return count
        """)

    /// Hands a run from one owner to another, if the one that is named owns it. Of several claimers one wins; one that asks
    /// again after it won is told so again.
    ///
    /// - More keys: the ``ClaimIndexKey``s; the indexes of unfinished runs; then one for each index change.
    /// - Gives 1 or 0.
    static let claim = Script<RunKey, ClaimArgument, ChangeArgument>(
        [rights, clock, lives, indexing],
        """
        local lacking = lacks('EXISTS', 'GET', 'SET', 'PEXPIRE', 'ZSCORE', 'ZREM', 'ZADD', 'PTTL', 'TIME')
        if lacking then return lacking end
        if redis.call('EXISTS', runKey) == 0 then return 0 end
        local found = redis.call('GET', ownerKey) or ''
        if found ~= currentOwner and found ~= newOwner then return 0 end
        started()
        redis.call('SET', ownerKey, newOwner, 'PX', digits(ttl))
        refresh(1, moreKeys - 1, digits(ttl))
        \(ClaimIndexKey.keyGroup(at: "moreKeys"))
        local firstUnfinished = moreKeys + \(ClaimIndexKey.count)
        local firstChange = firstUnfinished + \(RedisKeys.unfinishedStatuses.count)
        local unfinished = false
        for i = firstUnfinished, firstChange - 1 do unfinished = unfinished or redis.call('ZSCORE', KEYS[i], runMember) end
        redis.call('ZREM', oldOwnerRunsKey, runMember)
        if unfinished then
          redis.call('ZADD', newOwnerRunsKey, digits(started() + ttl - 1), runMember)
          outliveRuns(newOwnerRunsKey, ttl)
        end
        change(firstChange, ttl, \(ChangeArgument.argumentVariables))
        return 1
        """)

    /// Deletes a run whole, or what is left of it.
    ///
    /// - More keys: one for each index change.
    /// - Gives whether there was anything. Signals count for nothing: they may be there without a run.
    static let delete = PublishingScript<RunKey, DeleteArgument, ChangeArgument>(
        [writing],
        """
        local lacking = lacks('EXISTS', 'UNLINK', 'ZREM') or lacksChannel(channel)
        if lacking then return lacking end
        local there = redis.call('EXISTS', runKey, eventsKey, ownerKey, inputKey, contentsKey) > 0
        redis.call(publishCommand, channel, 0)
        for i = 1, moreKeys - 1 do redis.call('UNLINK', KEYS[i]) end
        change(moreKeys, 0, \(ChangeArgument.argumentVariables))
        return there and 1 or 0
        """)
}
