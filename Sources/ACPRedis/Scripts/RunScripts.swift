// SPDX-License-Identifier: Apache-2.0

import Redis

extension RedisScripts {
    /// Writes a commit: all of it or nothing, only by the owner, only at its place, and only once.
    ///
    /// - Keys: run, events, owner, input, signals, contents; the four of a session if something goes into its history; then one
    ///   for each index change.
    /// - Arguments: owner, expected count, TTL in ms, snapshot or nothing, input or nothing, channel, up to which key the run's
    ///   life is prolonged; the five words of the index changes; how many contents, how many words about the history, `1` if a stored
    ///   cancel refuses the commit; for each content its digest and its bytes; the words that `remember` takes; the events.
    /// - Gives the count; where there is more to say `done`, the count, what is due in queues, and whether something was left of an
    ///   earlier run with that id; or what `objection` gives.
    static let commit = RedisScript(
        shared + objection + """
            local owner, expecting, ttl, life = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[3]
            local snapshot, input, channel, prolonged = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
            local contents, history = tonumber(ARGV[13]), tonumber(ARGV[14])
            local block = 16 + 2 * contents
            local first = block + history
            local count = #ARGV - first + 1
            local total, left = expecting + count, 0
            local lacking
            if expecting == 0 or contents > 0 or history > 0 or ARGV[8] ~= '' then
              lacking = lacks(channel, 'EXISTS', 'GET', 'LLEN', 'HEXISTS', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD', 'ZADD', 'ZREM',
                'PTTL', 'ZRANGEBYSCORE', 'TIME')
            else
              lacking = lacks(channel, 'EXISTS', 'GET', 'LLEN', 'SET', 'RPUSH', 'PEXPIRE')
            end
            if lacking then return lacking end
            local isNew = expecting == 0 and snapshot ~= '' and redis.call('EXISTS', KEYS[1]) == 0
            if not isNew then
              local refusal, found = objection(owner, expecting, count, ARGV[15] == '1')
              if refusal then return refusal end
              if count > 0 and found == total then
                refresh(KEYS, 1, 6, ttl)
                return total
              end
            end
            if string.find(ARGV[8], '[qQpPrR]') then started() end
            redis.call('PUBLISH', channel, total)
            if isNew then
              redis.call('SET', KEYS[1], snapshot, 'PX', life)
              redis.call('SET', KEYS[3], owner, 'PX', life)
              if input ~= '' then redis.call('SET', KEYS[4], input, 'PX', life) else redis.call('DEL', KEYS[4]) end
              if push(KEYS[2], first, #ARGV) ~= count then
                -- There was a run which was evicted or deleted by hand in part.
                left = redis.call('DEL', KEYS[2], KEYS[6])
                push(KEYS[2], first, #ARGV)
              end
            else
              push(KEYS[2], first, #ARGV)
              if snapshot ~= '' then redis.call('SET', KEYS[1], snapshot, 'PX', life) end
            end
            for i = 16, block - 1, 2 do redis.call('HSET', KEYS[6], ARGV[i], ARGV[i + 1]) end
            -- What was written just now with its time to live is passed over.
            refresh(KEYS, snapshot == '' and 1 or 2, isNew and 2 or prolonged, ttl)
            if isNew and contents > 0 then refresh(KEYS, 6, 6, ttl) end
            local index = 7
            if history > 0 then
              remember(7, block)
              refresh(KEYS, 7, 10, ttl)
              index = 11
            end
            local due = change(index, 8, ttl)
            if #due == 0 and left == 0 then return total end
            return {'done', total, due, left}
            """)

    /// - `objection` gives why a commit to a run that is not to be created is not taken, and nothing if it is; and how many events
    ///   the run has. Its keys are those of ``commit``. It gives the codes of `CommitOutcome`, `conflict` with the count found;
    ///   `unowned` if nobody owns the run; `incomplete` and `run`, of which other keys are there; or `incomplete`, `events`, the count found and the
    ///   count that the snapshot covers.
    static let objection =
        parts + """
            local function objection(owner, expecting, count, yields)
              if redis.call('EXISTS', KEYS[1]) == 0 then
                if redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4], KEYS[6]) > 0 then return {'incomplete', 'run'} end
                return {'missing'}
              end
              local holder = redis.call('GET', KEYS[3])
              if not holder then return {'unowned'} end
              if holder ~= owner then return {'fenced'} end
              local found = redis.call('LLEN', KEYS[2])
              if found ~= expecting and (count == 0 or found ~= expecting + count) then
                return shortened(found) or {'conflict', found}
              end
              if yields and found == expecting and redis.call('HEXISTS', KEYS[5], 'cancel') == 1 then return {'cancelled'} end
              return nil, found
            end

            """

    /// - `shortened` gives `incomplete`, `events`, the count of events and the count that the snapshot covers, if that is more.
    static let parts = """
        local function shortened(found)
          local covered = string.match(redis.call('GETRANGE', KEYS[1], -32, -1), ',"_events":(%d+)}$')
          if covered and tonumber(covered) > found then return {'incomplete', 'events', found, tonumber(covered)} end
        end

        """

    /// Whether a commit would be taken at this moment.
    ///
    /// - Keys: run, events, owner, input, signals, contents.
    /// - Arguments: owner, expected count, count of new events, `1` if the commit may create the run, channel, `1` if a stored
    ///   cancel refuses the commit.
    /// - Gives `done`, or what ``commit`` would give.
    static let mayCommit = RedisScript(
        rights + objection + """
            local lacking = lacks(ARGV[5], 'EXISTS', 'GET', 'LLEN', 'HEXISTS', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD', 'ZADD',
              'ZREM', 'PTTL', 'ZRANGEBYSCORE', 'TIME')
            if lacking then return lacking end
            if ARGV[4] ~= '1' or redis.call('EXISTS', KEYS[1]) == 1 then
              local refusal = objection(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6] == '1')
              if refusal then return refusal end
            end
            return {'done', 0}
            """)

    /// A run as it stands at one moment: snapshot, owner, and the events that the snapshot does not cover.
    ///
    /// - Keys: run, events, owner.
    /// - Gives nothing if there is no run, and the snapshot alone if it does not say how many events it covers.
    static let record = RedisScript(
        """
        local run = redis.call('GET', KEYS[1])
        if not run then return false end
        local covered = string.match(string.sub(run, -32), ',"_events":(%d+)}$')
        if not covered then return {run} end
        return {run, redis.call('GET', KEYS[3]), redis.call('LRANGE', KEYS[2], covered, -1)}
        """)

    /// A run's snapshot and owner, and the digest by which ``save`` knows that it is still the same.
    ///
    /// - Keys: run, owner.
    static let inspect = RedisScript(
        """
        local run = redis.call('GET', KEYS[1])
        if not run then return false end
        return {run, redis.call('GET', KEYS[2]), redis.sha1hex(run)}
        """)

    /// Saves a run by hand, whoever owns it. The snapshot covers all events that are there.
    ///
    /// - Keys: run, events, owner, input, signals, contents; then one for each index change.
    /// - Arguments: digest of the run that was there or nothing, TTL, the run's JSON up to the count of events, channel; the
    ///   index changes, which hold only if the run that was there is still there.
    /// - Gives `OK` and what is due in queues; or `AGAIN` if another run is there.
    static let save = RedisScript(
        shared + """
            local ttl = tonumber(ARGV[2])
            local lacking = lacks(ARGV[4], 'GET', 'LLEN', 'SET', 'DEL', 'PEXPIRE', 'ZADD', 'ZREM', 'PTTL', 'ZRANGEBYSCORE',
              'TIME')
            if lacking then return lacking end
            local old = redis.call('GET', KEYS[1])
            if (old and redis.sha1hex(old) or '') ~= ARGV[1] then return {'AGAIN'} end
            started()
            local count = old and redis.call('LLEN', KEYS[2]) or 0
            redis.call('PUBLISH', ARGV[4], digits(count))
            redis.call('SET', KEYS[1], ARGV[3] .. digits(count) .. '}', 'PX', digits(ttl))
            if not old then redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[6]) end
            refresh(KEYS, 1, 6, ttl)
            return {'OK', change(7, 5, ttl)}
            """)

    /// Appends one event by hand, whoever owns the run.
    ///
    /// - Keys: run, events, owner, input, signals, contents; then one for each index change.
    /// - Arguments: event, TTL, channel; the index changes.
    /// - Gives the count, nothing if there is no run, or `incomplete` and what `objection` gives with it.
    static let append = RedisScript(
        shared + parts + """
            local lacking = lacks(ARGV[3], 'EXISTS', 'LLEN', 'GETRANGE', 'RPUSH', 'PEXPIRE', 'ZADD', 'PTTL', 'TIME')
            if lacking then return lacking end
            if redis.call('EXISTS', KEYS[1]) == 0 then
              if redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4], KEYS[6]) > 0 then return {'incomplete', 'run'} end
              return false
            end
            local found = redis.call('LLEN', KEYS[2])
            local short = shortened(found)
            if short then return short end
            local ttl = tonumber(ARGV[2])
            if ARGV[4] ~= '' then started() end
            redis.call('PUBLISH', ARGV[3], found + 1)
            local count = redis.call('RPUSH', KEYS[2], ARGV[1])
            refresh(KEYS, 1, 6, ttl)
            change(7, 4, ttl)
            return count
            """)

    /// Hands a run from one owner to another, if the one that is named owns it. Of several claimers one wins; one that asks
    /// again after it won is told so again.
    ///
    /// - Keys: run, events, owner, input, signals, contents; the four indexes of unfinished runs; runs of the new process, of the
    ///   old one; then one for each index change.
    /// - Arguments: current owner or nothing, new owner, TTL, run id; the index changes.
    /// - Gives 1 or 0.
    static let claim = RedisScript(
        shared + """
            local ttl, id = tonumber(ARGV[3]), ARGV[4]
            local lacking = lacks(nil, 'EXISTS', 'GET', 'SET', 'PEXPIRE', 'ZSCORE', 'ZREM', 'ZADD', 'PTTL', 'TIME')
            if lacking then return lacking end
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            local found = redis.call('GET', KEYS[3]) or ''
            if found ~= ARGV[1] and found ~= ARGV[2] then return 0 end
            started()
            redis.call('SET', KEYS[3], ARGV[2], 'PX', digits(ttl))
            refresh(KEYS, 1, 6, ttl)
            local unfinished = false
            for i = 7, 10 do unfinished = unfinished or redis.call('ZSCORE', KEYS[i], id) end
            redis.call('ZREM', KEYS[12], id)
            if unfinished then
              redis.call('ZADD', KEYS[11], digits(started() + ttl - 1), id)
              outliveRuns(KEYS[11], ttl)
            end
            change(13, 5, ttl)
            return 1
            """)

    /// Deletes a run whole, or what is left of it.
    ///
    /// - Keys: run, events, owner, input, signals, contents; then one for each index change.
    /// - Arguments: channel; the index changes.
    /// - Gives whether there was anything. Signals count for nothing: they may be there without a run.
    static let delete = RedisScript(
        shared + """
            local lacking = lacks(ARGV[1], 'EXISTS', 'UNLINK', 'ZREM')
            if lacking then return lacking end
            local there = redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[6]) > 0
            redis.call('PUBLISH', ARGV[1], 0)
            for i = 1, 6 do redis.call('UNLINK', KEYS[i]) end
            change(7, 2, 0)
            return there and 1 or 0
            """)
}
