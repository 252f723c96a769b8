// SPDX-License-Identifier: Apache-2.0

import Redis

/// Keys of ``RedisScripts/heartbeat``.
enum HeartbeatKey: String, ScriptName {
    case process, processes
}

/// Key of ``RedisScripts/noteProcess``.
enum ProcessKey: String, ScriptName {
    case process
}

/// Key of scripts that read or write the set of processes.
enum ProcessesKey: String, ScriptName {
    case processes
}

/// Arguments of ``RedisScripts/heartbeat``, ``RedisScripts/noteProcess`` and ``RedisScripts/announceProcess``. One key of each kind
/// that commits use follows.
enum HeartbeatArgument: String, ScriptName {
    case process
    /// How long the heartbeat is good, and how long the set of processes is kept at least, in ms.
    case life, kept
    /// A channel to which nobody listens.
    case channel

    var form: ScriptForm { self == .life || self == .kept ? .number : .text }
}

/// Argument of ``RedisScripts/listProcesses``.
enum ListProcessesArgument: String, ScriptName {
    /// Whether those are meant whose heartbeat has run out.
    case areLost

    var form: ScriptForm { .flag }
}

/// Arguments of ``RedisScripts/leave``.
enum LeaveArgument: String, ScriptName {
    case process
    /// How long the set of processes is kept at least, in ms.
    case kept
    /// A channel such as those of the other processes.
    case channel

    var form: ScriptForm { self == .kept ? .number : .text }
}

/// Argument of ``RedisScripts/forgetProcess``.
enum ForgetProcessArgument: String, ScriptName {
    case process
}

/// Keys of ``RedisScripts/send``.
enum SendKey: String, ScriptName {
    case signals, owner
}

/// Arguments of ``RedisScripts/send``.
enum SendArgument: String, ScriptName {
    /// The key of the signal, and the signal.
    case field, signal
    /// In ms.
    case ttl
    /// How the channels of processes begin.
    case channelPrefix
    case run
    /// Whether the process is told here: its channel may be on another server.
    case isAnnounced

    var form: ScriptForm {
        switch self {
        case .ttl: .number
        case .isAnnounced: .flag
        case .field, .signal, .channelPrefix, .run: .text
        }
    }
}

/// Key of ``RedisScripts/enqueue`` and ``RedisScripts/dequeue``.
enum QueueKey: String, ScriptName {
    case queue
}

/// Arguments of ``RedisScripts/enqueue`` and ``RedisScripts/dequeue``.
enum QueueArgument: String, ScriptName {
    case run
    /// In ms.
    case ttl
}

extension RedisScripts {
    /// For scripts with ``HeartbeatArgument``. Needs ``rights`` and ``publishing``.
    ///
    /// - `unable` gives the error to return if the user lacks a right that commits need: one of the commands, a channel of runs, or
    ///   one of the keys that follow the arguments.
    static let unable = """
        local function unable()
          local lacking = lacks('EXISTS', 'GET', 'GETRANGE', 'LLEN', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET', 'SADD',
            'ZADD', 'ZREM', 'ZSCORE', 'PTTL', 'ZRANGEBYSCORE', 'TIME') or lacksChannel(channel)
          if lacking or not redis.acl_check_cmd then return lacking end
          for i = moreArguments, #ARGV do
            if not redis.acl_check_cmd('EVALSHA', '', '1', ARGV[i]) then
              return redis.error_reply('NOPERM this user may not use the keys of a run')
            end
          end
        end

        """

    /// Notes that a process is alive, if this user can commit.
    static let heartbeat = PublishingScript<HeartbeatKey, HeartbeatArgument, NoNames>(
        [rights, publishing, clock, lives, unable],
        """
        local lacking = unable()
        if lacking then return lacking end
        redis.call(publishCommand, channel, '')
        redis.call('SET', processKey, '1', 'PX', digits(life))
        redis.call('ZADD', processesKey, digits(started() + life), process)
        outlive(processesKey, math.max(life, kept))
        return 1
        """)

    /// The processes whose heartbeat has not run out, or those whose has. Their times stand in the set, so that one whose
    /// heartbeat comes at this moment is not lost.
    static let listProcesses = Script<ProcessesKey, ListProcessesArgument, NoNames>(
        [clock],
        """
        if areLost then return redis.call('ZRANGEBYSCORE', processesKey, '-inf', digits(started())) end
        return redis.call('ZRANGEBYSCORE', processesKey, '(' .. digits(started()), '+inf')
        """)

    /// Ends the heartbeat of a process. Gives the processes that are alive.
    static let leave = PublishingScript<ProcessesKey, LeaveArgument, NoNames>(
        [rights, publishing, clock, lives],
        """
        local lacking = lacks('ZADD', 'PTTL', 'PEXPIRE', 'ZRANGEBYSCORE', 'TIME', 'UNLINK') or lacksChannel(channel)
        if lacking then return lacking end
        redis.call('ZADD', processesKey, digits(started()), process)
        outlive(processesKey, kept)
        return redis.call('ZRANGEBYSCORE', processesKey, '(' .. digits(started()), '+inf')
        """)

    /// Forgets a process, unless it has come back to life.
    static let forgetProcess = Script<ProcessesKey, ForgetProcessArgument, NoNames>(
        [clock],
        """
        local ends = redis.call('ZSCORE', processesKey, process)
        if ends and tonumber(ends) <= started() then redis.call('ZREM', processesKey, process) end
        return 1
        """)

    /// Stores a signal if there is none with its key, and wakes the process that owns the run at this moment: whoever claims
    /// the run after it reads the signals then, and finds this one.
    ///
    /// - Gives whether it was new, and the owner.
    static let send = PublishingScript<SendKey, SendArgument, NoNames>(
        [rights, publishing, clock, lives],
        """
        local lacking = lacks('GET', 'HSETNX', 'PTTL', 'PEXPIRE')
        if lacking then return lacking end
        local owner = redis.call('GET', ownerKey) or ''
        local process, channel = string.match(owner, '^([^/]+)/'), nil
        if process then
          channel = channelPrefix .. string.gsub(string.gsub(process, '%%2F', '/'), '%%25', '%%')
          lacking = lacksChannel(channel)
          if lacking then return lacking end
        end
        if channel and isAnnounced then redis.call(publishCommand, channel, run) end
        local isNew = redis.call('HSETNX', signalsKey, field, signal)
        outlive(signalsKey, ttl)
        return {isNew, owner}
        """)

    /// Puts a run at the end of a queue, unless it stands there. Gives the first of the queue.
    static let enqueue = Script<QueueKey, QueueArgument, NoNames>(
        [rights],
        """
        local lacking = lacks('LPOS', 'RPUSH', 'PEXPIRE', 'LINDEX')
        if lacking then return lacking end
        if not redis.call('LPOS', queueKey, run) then redis.call('RPUSH', queueKey, run) end
        redis.call('PEXPIRE', queueKey, ttl)
        return redis.call('LINDEX', queueKey, 0)
        """)

    /// Takes a run out of a queue. Gives the first of the queue now, or nothing.
    static let dequeue = Script<QueueKey, QueueArgument, NoNames>(
        [rights],
        """
        local lacking = lacks('LREM', 'PEXPIRE', 'LINDEX')
        if lacking then return lacking end
        redis.call('LREM', queueKey, 0, run)
        redis.call('PEXPIRE', queueKey, ttl)
        return redis.call('LINDEX', queueKey, 0)
        """)
}
