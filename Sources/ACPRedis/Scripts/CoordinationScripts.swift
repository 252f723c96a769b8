// SPDX-License-Identifier: Apache-2.0

import Redis

/// Keys of ``RedisScripts/heartbeat``.
enum HeartbeatKey: String, ScriptName {
    case process, processes
}

/// Key of ``RedisScripts/recordProcess``.
enum ProcessKey: String, ScriptName {
    case process
}

/// Key of scripts that read or write the set of processes.
enum ProcessesKey: String, ScriptName {
    case processes
}

/// Arguments of ``RedisScripts/heartbeat``, ``RedisScripts/recordProcess`` and ``RedisScripts/announceProcess``. One
/// key of each kind that commits use follows.
enum HeartbeatArgument: String, ScriptName {
    case process
    /// The lifetime of the heartbeat, and the minimum lifetime of the set of processes, in milliseconds.
    case lifetime, setLifetime
    /// A channel without subscribers.
    case channel

    var form: ScriptForm { self == .lifetime || self == .setLifetime ? .number : .text }
}

/// Argument of ``RedisScripts/listProcesses``.
enum ListProcessesArgument: String, ScriptName {
    /// Whether the processes whose heartbeat has expired are returned.
    case areExpired

    var form: ScriptForm { .flag }
}

/// Arguments of ``RedisScripts/leave``.
enum LeaveArgument: String, ScriptName {
    case process
    /// The minimum lifetime of the set of processes, in milliseconds.
    case setLifetime
    /// A channel such as those of the other processes.
    case channel

    var form: ScriptForm { self == .setLifetime ? .number : .text }
}

/// Argument of ``RedisScripts/forgetProcess``.
enum ForgetProcessArgument: String, ScriptName {
    case process
}

/// Arguments of ``RedisScripts/recallProcess``.
enum RecallProcessArgument: String, ScriptName {
    case process
    /// The minimum lifetime of the set of processes, in milliseconds.
    case setLifetime

    var form: ScriptForm { self == .setLifetime ? .number : .text }
}

/// Keys of ``RedisScripts/send``.
enum SendKey: String, ScriptName {
    case signals, owner
}

/// Arguments of ``RedisScripts/send``.
enum SendArgument: String, ScriptName {
    /// The key of the signal, and the signal.
    case field, signal
    /// In milliseconds.
    case ttl
    /// The prefix of the channels of processes.
    case channelPrefix
    case run
    /// Whether the script notifies the process, whose channel may be on another server.
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
    /// In milliseconds.
    case ttl
}

extension RedisScripts {
    /// For scripts with ``HeartbeatArgument``. Needs ``rights`` and ``publishing``.
    ///
    /// - `commitDenial` returns the error to return if the user lacks a right that commits need: one of the commands, a
    ///   channel of runs, or one of the keys that follow the arguments.
    static let commitDenial = """
        local function commitDenial()
          local denial = commandDenial('EXISTS', 'GET', 'GETRANGE', 'LLEN', 'SET', 'RPUSH', 'PEXPIRE', 'DEL', 'HSET',
            'SADD', 'ZADD', 'ZREM', 'ZSCORE', 'PTTL', 'ZRANGEBYSCORE', 'TIME') or channelDenial(channel)
          if denial or not redis.acl_check_cmd then return denial end
          for i = moreArguments, #ARGV do
            if not redis.acl_check_cmd('EVALSHA', '', '1', ARGV[i]) then
              return redis.error_reply('NOPERM this user may not use the keys of a run')
            end
          end
        end

        """

    /// Records that a process is alive, if this user can commit.
    static let heartbeat = PublishingScript<HeartbeatKey, HeartbeatArgument, NoNames>(
        [rights, publishing, clock, lives, commitDenial],
        """
        local denial = commitDenial()
        if denial then return denial end
        redis.call(publishCommand, channel, '')
        redis.call('SET', processKey, '1', 'PX', digits(lifetime))
        redis.call('ZADD', processesKey, digits(startTime() + lifetime), process)
        extend(processesKey, math.max(lifetime, setLifetime))
        return 1
        """)

    /// The processes whose heartbeat has not expired, or those whose heartbeat has. The times are in the set, so that a
    /// process whose heartbeat is renewed at this moment does not count as expired.
    static let listProcesses = Script<ProcessesKey, ListProcessesArgument, NoNames>(
        [clock],
        """
        if areExpired then return redis.call('ZRANGEBYSCORE', processesKey, '-inf', digits(startTime())) end
        return redis.call('ZRANGEBYSCORE', processesKey, '(' .. digits(startTime()), '+inf')
        """)

    /// Ends the heartbeat of a process. Returns the processes that are alive.
    static let leave = PublishingScript<ProcessesKey, LeaveArgument, NoNames>(
        [rights, publishing, clock, lives],
        """
        local denial = commandDenial('ZADD', 'PTTL', 'PEXPIRE', 'ZRANGEBYSCORE', 'TIME', 'UNLINK')
          or channelDenial(channel)
        if denial then return denial end
        redis.call('ZADD', processesKey, digits(startTime()), process)
        extend(processesKey, setLifetime)
        return redis.call('ZRANGEBYSCORE', processesKey, '(' .. digits(startTime()), '+inf')
        """)

    /// Removes a process, unless its heartbeat has been renewed.
    static let forgetProcess = Script<ProcessesKey, ForgetProcessArgument, NoNames>(
        [clock],
        """
        local ends = redis.call('ZSCORE', processesKey, process)
        if ends and tonumber(ends) <= startTime() then redis.call('ZREM', processesKey, process) end
        return 1
        """)

    /// Lists a process that was removed as one whose heartbeat has expired, so that its runs are taken over.
    static let recallProcess = Script<ProcessesKey, RecallProcessArgument, NoNames>(
        [clock, lives],
        """
        if redis.call('ZADD', processesKey, 'NX', digits(startTime()), process) == 1 then
          extend(processesKey, setLifetime)
        end
        return 1
        """)

    /// Stores a signal if there is none with its key, and notifies the process that owns the run at this moment: a
    /// process that claims the run later reads the signals then, and finds this one.
    ///
    /// - Returns whether it was new, and the owner.
    static let send = PublishingScript<SendKey, SendArgument, NoNames>(
        [rights, publishing, clock, lives],
        """
        local denial = commandDenial('GET', 'HSETNX', 'PTTL', 'PEXPIRE')
        if denial then return denial end
        local owner = redis.call('GET', ownerKey) or ''
        local process, channel = string.match(owner, '^([^/]+)/'), nil
        if process then
          channel = channelPrefix .. string.gsub(string.gsub(process, '%%2F', '/'), '%%25', '%%')
          denial = channelDenial(channel)
          if denial then return denial end
        end
        if channel and isAnnounced then redis.call(publishCommand, channel, run) end
        local isNew = redis.call('HSETNX', signalsKey, field, signal)
        extend(signalsKey, ttl)
        return {isNew, owner}
        """)

    /// Appends a run to a queue, unless the queue contains it. Returns the first run of the queue.
    static let enqueue = Script<QueueKey, QueueArgument, NoNames>(
        [rights],
        """
        local denial = commandDenial('LPOS', 'RPUSH', 'PEXPIRE', 'LINDEX')
        if denial then return denial end
        if not redis.call('LPOS', queueKey, run) then redis.call('RPUSH', queueKey, run) end
        redis.call('PEXPIRE', queueKey, ttl)
        return redis.call('LINDEX', queueKey, 0)
        """)

    /// Removes a run from a queue. Returns the first run that is left, or nothing.
    static let dequeue = Script<QueueKey, QueueArgument, NoNames>(
        [rights],
        """
        local denial = commandDenial('LREM', 'PEXPIRE', 'LINDEX')
        if denial then return denial end
        redis.call('LREM', queueKey, 0, run)
        redis.call('PEXPIRE', queueKey, ttl)
        return redis.call('LINDEX', queueKey, 0)
        """)
}
