// SPDX-License-Identifier: Apache-2.0

import Redis

/// All keys of a session. Every script that writes a session receives them.
enum SessionKey: String, ScriptName {
    case session, history, blocks, contents
}

/// Arguments of ``RedisScripts/saveSession``.
enum SaveSessionArgument: String, ScriptName {
    /// The expected version. Empty if any version is accepted.
    case expecting
    /// In milliseconds.
    case ttl
    /// The session's JSON up to the version.
    case beginning

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/appendHistory``.
enum AppendHistoryArgument: String, ScriptName {
    /// In milliseconds.
    case ttl
    case blockCount

    var form: ScriptForm { .number }
}

/// The first arguments of a block of a session's history. Its entries follow, then for each content its digest and its
/// bytes.
enum BlockArgument: String, ScriptName {
    /// The key of the block.
    case blockName
    case entryCount, contentCount

    var form: ScriptForm { self == .blockName ? .text : .number }
}

extension RedisScripts {
    /// Needs ``lists``.
    ///
    /// - `appendBlock` appends a block to a session's history, whole, and only if its key is new. The ``SessionKey``s
    ///   begin at the position `key`, the arguments of the block at `argument`. It returns the position after them.
    static let history = """
        local function appendBlock(key, argument)
          \(SessionKey.keyGroup(at: "key"))
          \(BlockArgument.argumentGroup(at: "argument"))
          local first = argument + \(BlockArgument.count)
          local last = first + entryCount - 1
          local stop = last + 2 * contentCount
          if redis.call('SADD', blocksKey, blockName) == 1 then
            for i = last + 1, stop, 2 do redis.call('HSET', contentsKey, ARGV[i], ARGV[i + 1]) end
            push(historyKey, first, last)
          end
          return stop + 1
        end

        """

    /// Saves a session if it has the expected version. The version is at the end of the value, and is incremented here.
    ///
    /// - Returns `OK` and the new version; `CONFLICT` and the version found; or `CORRUPT`.
    static let saveSession = Script<SessionKey, SaveSessionArgument, NoNames>(
        [rights, clock, lives],
        """
        local denial = commandDenial('GET', 'SET', 'PEXPIRE')
        if denial then return denial end
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

    /// Appends blocks to a session's history: each whole, and only if its key is new.
    ///
    /// - More arguments: for each block the arguments that `appendBlock` reads.
    static let appendHistory = Script<SessionKey, AppendHistoryArgument, NoNames>(
        [rights, clock, lives, lists, history],
        """
        local denial = commandDenial('SADD', 'RPUSH', 'HSET', 'PEXPIRE')
        if denial then return denial end
        local argument = moreArguments
        for block = 1, blockCount do argument = appendBlock(1, argument) end
        refresh(1, moreKeys - 1, digits(ttl))
        return 1
        """)
}
