// SPDX-License-Identifier: Apache-2.0

import Redis

/// The changes of indexes that come with the writing of one run, as scripts take them. Their indexes are keys behind the named ones.
enum ChangeArgument: String, ScriptName {
    /// A code for each change: ``IndexChange/Kind``.
    case changeKinds
    /// A code for each change: ``IndexChange/Member``.
    case changeMembers
    /// Where the run stands in the indexes to which it is added.
    case score
    /// The members that the codes name.
    case runMember, placeMember, formerPlaceMember
    /// Whether queues are asked what is due.
    case asksQueues

    var form: ScriptForm { self == .asksQueues ? .flag : .text }
}

/// One change of an index of ``RedisScripts/index``.
enum IndexStep: String, ScriptName {
    /// ``IndexChange/Kind``.
    case kind
    /// The score; for a queue, in how many ms to look at the member.
    case number
    case member
}

extension IndexChange.Kind {
    /// The code as a Lua string.
    var lua: String { "'\(rawValue)'" }

    /// A Lua pattern that finds the codes of those that need the time.
    static let clockPattern = "'[\(allCases.filter(\.usesClock).map(\.rawValue).joined())]'"
}

extension IndexChange.Member {
    /// The code as a Lua string.
    var lua: String { "'\(rawValue)'" }
}

extension RedisScripts {
    /// Needs ``clock`` and ``lives``.
    ///
    /// - `change` makes the changes of ``IndexChange`` to one run. Their keys begin at the position `first`. It gives what stands in
    ///   the queues that were asked and is due to be looked at, at most 128 members of each.
    static let indexing = """
        local function change(first, ttl, \(ChangeArgument.argumentVariables))
          local due = {}
          for i = 1, #changeKinds do
            local index, kind, code = KEYS[first + i - 1], string.sub(changeKinds, i, i), string.sub(changeMembers, i, i)
            local member = runMember
            if code == \(IndexChange.Member.place.lua) then
              member = placeMember
            elseif code == \(IndexChange.Member.formerPlace.lua) then
              member = formerPlaceMember
            end
            if kind == \(IndexChange.Kind.remove.lua) then
              redis.call('ZREM', index, member)
            else
              if kind == \(IndexChange.Kind.add.lua) then
                redis.call('ZADD', index, score, member)
              elseif kind == \(IndexChange.Kind.requeue.lua) then
                redis.call('ZADD', index, 'XX', digits(started() + ttl - 1), member)
              elseif kind == \(IndexChange.Kind.enqueue.lua) then
                if asksQueues then
                  due[#due + 1] = redis.call('ZRANGEBYSCORE', index, '-inf', digits(started()), 'LIMIT', 0, 128)
                end
                redis.call('ZADD', index, digits(started() + ttl - 1), member)
              end
              outliveRuns(index, ttl)
            end
          end
          return due
        end

        """
}
