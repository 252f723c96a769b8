// SPDX-License-Identifier: Apache-2.0

import RedisClient

extension RedisScripts {
    /// Saves a session if the version that is there is the expected one. The version stands at the end of the value, and is
    /// counted on here.
    ///
    /// - Keys: session, history, blocks, contents.
    /// - Arguments: expected version or nothing, TTL, the session's JSON up to the version.
    /// - Gives `OK` and the new version; `CONFLICT` and the version found; or `CORRUPT`.
    static let saveSession = RedisScript(
        shared + """
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
    /// - Arguments: TTL, how many blocks; for each its key, how many entries, how many contents, the entries, for each content
    ///   its digest and its bytes.
    static let appendHistory = RedisScript(
        shared + """
            local position = 3
            for block = 1, tonumber(ARGV[2]) do
              local last = position + 2 + tonumber(ARGV[position + 1])
              local contents = 2 * tonumber(ARGV[position + 2])
              if redis.call('SADD', KEYS[3], ARGV[position]) == 1 then
                push(KEYS[2], position + 3, last)
                for i = last + 1, last + contents, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
              end
              position = last + contents + 1
            end
            refresh(KEYS, 1, 4, tonumber(ARGV[1]))
            return 1
            """)
}
