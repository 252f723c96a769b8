// SPDX-License-Identifier: Apache-2.0

import Redis

/// All keys of a session. Every script that writes a session takes them.
enum SessionKey: String, ScriptName {
    case session, history, blocks, contents
}

/// Arguments of ``RedisScripts/saveSession``.
enum SaveSessionArgument: String, ScriptName {
    /// The expected version. Empty if any version will do.
    case expecting
    /// In ms.
    case ttl
    /// The session's JSON up to the version.
    case beginning

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/appendHistory``.
enum AppendHistoryArgument: String, ScriptName {
    /// In ms.
    case ttl
    case blockCount

    var form: ScriptForm { .number }
}

/// How a block of a session's history begins among the arguments. Its entries follow, then for each content its digest and its bytes.
enum BlockArgument: String, ScriptName {
    /// The key of the block.
    case blockName
    case entryCount, contentCount

    var form: ScriptForm { self == .blockName ? .text : .number }
}

extension RedisScripts {
    /// Needs ``lists``.
    ///
    /// - `remember` appends a block to a session's history, whole, and only if its key is not there yet. The ``SessionKey``s begin
    ///   at the position `key`, the words of the block at `word`. It gives where the words end.
    static let history = """
        local function remember(key, word)
          \(SessionKey.keyGroup(at: "key"))
          \(BlockArgument.argumentGroup(at: "word"))
          local first = word + \(BlockArgument.count)
          local last = first + entryCount - 1
          local stop = last + 2 * contentCount
          if redis.call('SADD', blocksKey, blockName) == 1 then
            push(historyKey, first, last)
            for i = last + 1, stop, 2 do redis.call('HSET', contentsKey, ARGV[i], ARGV[i + 1]) end
          end
          return stop + 1
        end

        """

    /// Saves a session if the version that is there is the expected one. The version stands at the end of the value, and is
    /// counted on here.
    ///
    /// - Gives `OK` and the new version; `CONFLICT` and the version found; or `CORRUPT`.
    static let saveSession = Script<SessionKey, SaveSessionArgument, NoNames>(
        [rights, clock, lives],
        """
        local lacking = lacks('GET', 'SET', 'PEXPIRE')
        if lacking then return lacking end
        local found, current = 0, redis.call('GET', sessionKey)
        if current then
          found = tonumber(string.match(string.sub(current, -32), ',"version":(%d+)}$'))
          if not found then return {'CORRUPT', 0} end
        end
        if expecting ~= '' and digits(found) ~= expecting then return {'CONFLICT', found} end
        redis.call('SET', sessionKey, beginning .. digits(found + 1) .. '}', 'PX', digits(ttl))
        refresh(1, moreKeys - 1, digits(ttl))
        return {'OK', found + 1}
        """)

    /// Appends blocks to a session's history: each whole, and only if its key is not there yet.
    ///
    /// - More arguments: for each block the words that `remember` takes.
    static let appendHistory = Script<SessionKey, AppendHistoryArgument, NoNames>(
        [rights, clock, lives, lists, history],
        """
        local lacking = lacks('SADD', 'RPUSH', 'HSET', 'PEXPIRE')
        if lacking then return lacking end
        local word = moreArguments
        for block = 1, blockCount do word = remember(1, word) end
        refresh(1, moreKeys - 1, digits(ttl))
        return 1
        """)
}
