// SPDX-License-Identifier: Apache-2.0

import Redis

/// The index changes that accompany the writing of one run, as scripts expect them. The indexes are keys after the
/// named ones.
enum ChangeArgument: String, ScriptName {
    /// A code for each change: ``IndexChange/Kind``.
    case changeKinds
    /// A code for each change: ``IndexChange/Member``.
    case changeMembers
    /// The score of the run in the indexes to which it is added.
    case score
    /// The score of the run in the index by status to which it is added.
    case statusScore
    /// The members that the codes refer to.
    case runMember, expiryMember, formerExpiryMember
    /// Whether queues are queried for due members.
    case queriesQueues

    var form: ScriptForm { self == .queriesQueues ? .flag : .text }
}

/// One change of an index by ``RedisScripts/index``.
enum IndexStep: String, ScriptName {
    /// ``IndexChange/Kind``.
    case kind
    /// The position of the index among the keys.
    case position
    /// The score; for a queue, the number of milliseconds after which the member is checked.
    case number
    case member
}

extension IndexChange.Kind {
    /// The code as a Lua string.
    var lua: String { "'\(rawValue)'" }

    /// A Lua pattern that finds the codes of the kinds that need the time.
    static let clockPattern = "'[\(allCases.filter(\.usesClock).map(\.rawValue).joined())]'"
}

extension IndexChange.Member {
    /// The code as a Lua string.
    var lua: String { "'\(rawValue)'" }
}

extension RedisScripts {
    /// Needs ``clock`` and ``lives``.
    ///
    /// - `change` makes the changes of ``IndexChange`` to one run. Their keys begin at the position `first`. It returns
    ///   the due members of the queried queues, at most 128 of each.
    static let indexing = """
        local function change(first, ttl, \(ChangeArgument.argumentVariables))
          local due = {}
          for i = 1, #changeKinds do
            local index, kind = KEYS[first + i - 1], string.sub(changeKinds, i, i)
            local code = string.sub(changeMembers, i, i)
            local member = runMember
            if code == \(IndexChange.Member.expiry.lua) then
              member = expiryMember
            elseif code == \(IndexChange.Member.formerExpiry.lua) then
              member = formerExpiryMember
            end
            if kind == \(IndexChange.Kind.remove.lua) then
              redis.call('ZREM', index, member)
            else
              if kind == \(IndexChange.Kind.add.lua) then
                redis.call('ZADD', index, score, member)
              elseif kind == \(IndexChange.Kind.addByStatus.lua) then
                redis.call('ZADD', index, statusScore, member)
              elseif kind == \(IndexChange.Kind.requeue.lua) then
                redis.call('ZADD', index, 'XX', digits(startTime() + ttl - 1), member)
              elseif kind == \(IndexChange.Kind.enqueue.lua) then
                if queriesQueues then
                  due[#due + 1] = redis.call('ZRANGEBYSCORE', index, '-inf', digits(startTime()), 'LIMIT', 0, 128)
                end
                redis.call('ZADD', index, digits(startTime() + ttl - 1), member)
              end
              extendIndex(index, ttl)
            end
          end
          return due
        end

        """
}
