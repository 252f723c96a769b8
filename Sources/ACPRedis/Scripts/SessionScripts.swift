// SPDX-License-Identifier: Apache-2.0

import Redis

extension RedisScripts {
    /// Saves a session if the version that is there is the expected one. The version stands at the end of the value, and is
    /// counted on here.
    ///
    /// - Keys: session, history, blocks, contents.
    /// - Arguments: expected version or nothing, TTL, the session's JSON up to the version.
    /// - Gives `OK` and the new version; `CONFLICT` and the version found; or `CORRUPT`.
    static let saveSession = RedisScript(
        shared + """
            local lacking = lacks(nil, 'GET', 'SET', 'PEXPIRE')
            if lacking then return lacking end
            local found, current = 0, redis.call('GET', KEYS[1])
            if current then
              found = tonumber(string.match(string.sub(current, -32), ',"version":(%d+)}$'))
              if not found then return {'CORRUPT', 0} end
            end
            if ARGV[1] ~= '' and digits(found) ~= ARGV[1] then return {'CONFLICT', found} end
            redis.call('SET', KEYS[1], ARGV[3] .. digits(found + 1) .. '}', 'PX', ARGV[2])
            refresh(KEYS, 1, 4, tonumber(ARGV[2]))
            return {'OK', found + 1}
            """)

    /// Appends blocks to a session's history: each whole, and only if its key is not there yet.
    ///
    /// - Keys: session, history, blocks, contents.
    /// - Arguments: TTL, how many blocks; for each the words that `remember` takes.
    static let appendHistory = RedisScript(
        shared + """
            local lacking = lacks(nil, 'SADD', 'RPUSH', 'HSET', 'PEXPIRE')
            if lacking then return lacking end
            local word = 3
            for block = 1, tonumber(ARGV[2]) do word = remember(1, word) end
            refresh(KEYS, 1, 4, tonumber(ARGV[1]))
            return 1
            """)
}
