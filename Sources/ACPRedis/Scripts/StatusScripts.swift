// SPDX-License-Identifier: Apache-2.0

import Redis

/// Keys of ``RedisScripts/statusPage``.
enum StatusPageKey: String, ScriptName {
    /// The queue of runs that may have expired.
    case queue
}

/// Arguments of ``RedisScripts/statusPage``.
enum StatusPageArgument: String, ScriptName {
    /// The earliest change of status, in microseconds. Empty if any.
    case since
    /// The position after which the page continues: the time in microseconds, and the id. Empty if it begins with the
    /// last change.
    case afterTime, afterRun
    /// The maximum number of runs to return, for each status.
    case limit
    /// The maximum number of due runs to return.
    case dueLimit

    var form: ScriptForm { self == .limit ? .number : .text }
}

extension RedisScripts {
    /// - `pages` returns the number of runs in the indexes from the key at the position `first` onward, and a page of
    ///   each: ids and scores. Ids are compared by their bytes, as Redis does, and not by the locale, as Lua does.
    private static let statusPages = """
        local function isAtOrAfter(id, other)
          for i = 1, math.min(#id, #other) do
            local byte, otherByte = string.byte(id, i), string.byte(other, i)
            if byte ~= otherByte then return byte > otherByte end
          end
          return #id >= #other
        end
        local function startRank(index, afterTime, afterRun)
          if afterTime == '' then return 0 end
          local low = redis.call('ZCOUNT', index, '(' .. afterTime, '+inf')
          local high = low + redis.call('ZCOUNT', index, afterTime, afterTime)
          while low < high do
            local middle = math.floor((low + high) / 2)
            if isAtOrAfter(redis.call('ZREVRANGE', index, middle, middle)[1], afterRun) then
              low = middle + 1
            else
              high = middle
            end
          end
          return low
        end
        local function pages(first, \(StatusPageArgument.argumentVariables))
          local total, found = 0, {}
          for i = first, #KEYS do
            local count
            if since == '' then
              count = redis.call('ZCARD', KEYS[i])
            else
              count = redis.call('ZCOUNT', KEYS[i], since, '+inf')
            end
            local page = {}
            if count > 0 and limit > 0 then
              local start = startRank(KEYS[i], afterTime, afterRun)
              local stop = math.min(start + limit, count) - 1
              if stop >= start then page = redis.call('ZREVRANGE', KEYS[i], start, stop, 'WITHSCORES') end
            end
            total = total + count
            found[#found + 1] = page
          end
          return total, found
        end

        """

    /// A page of each of some indexes by status, without expired runs, or the runs that may have expired: see ``page``.
    /// On a cluster, of any indexes of one bucket.
    ///
    /// - More keys: the indexes.
    /// - Returns the due runs; if there are none, also the total and the pages.
    static let statusPage = Script<StatusPageKey, StatusPageArgument, NoNames>(
        [clock, statusPages],
        """
        local due = redis.call('ZRANGEBYSCORE', queueKey, '-inf', digits(startTime()), 'LIMIT', 0, dueLimit)
        if #due > 0 then return {due} end
        local total, found = pages(moreKeys, \(StatusPageArgument.argumentVariables))
        return {due, total, found}
        """)

    /// The number of members of an index up to a position, that one included.
    static let rank = Script<IndexKey, RankArgument, NoNames>(
        [statusPages],
        """
        return startRank(indexKey, time, run)
        """)
}
