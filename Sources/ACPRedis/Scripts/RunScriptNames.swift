// SPDX-License-Identifier: Apache-2.0

/// All keys of a run. Every script that writes a run receives them.
enum RunKey: String, ScriptName {
    case run, events, owner, input, signals, contents
    /// There while the run cannot be created again, because it was deleted for good. Not part of the run: deleting the
    /// run does not delete it, and its time to live never changes.
    case deleted

    /// The position of the last key that is part of the run.
    static let lastPart = RunKey.contents.position

    private static let order = allCases

    /// The position among the keys of a script.
    var position: Int { (Self.order.firstIndex(of: self) ?? 0) + 1 }
}

/// The keys that are read to return a run.
enum RecordKey: String, ScriptName {
    case run, events, owner
}

/// The keys that determine the index entries of a run.
enum RunStateKey: String, ScriptName {
    case run, owner
}

/// Indexes of ``RedisScripts/claim``.
enum ClaimIndexKey: String, ScriptName {
    /// The runs of the new process, and of the old one.
    case newOwnerRuns, oldOwnerRuns
}

/// Arguments of ``RedisScripts/commit``.
enum CommitArgument: String, ScriptName {
    case owner
    /// The number of events of the run before the commit.
    case expecting
    /// In milliseconds.
    case ttl
    /// Empty if there is none.
    case snapshot, input
    case channel
    /// The ``RunKey/position`` of the last key whose time to live is extended.
    case lastProlonged
    case contentCount
    /// The number of arguments for the history of a session.
    case historyCount
    /// The keys of the signals that reject the commit if they are stored, separated by spaces. Empty if there are none.
    case refusingSignals

    var form: ScriptForm {
        switch self {
        case .expecting, .ttl, .lastProlonged, .contentCount, .historyCount: .number
        case .owner, .snapshot, .input, .channel, .refusingSignals: .text
        }
    }
}

/// Arguments of ``RedisScripts/canCommit``. Those that ``CommitArgument`` contains as well have the same meaning.
enum CanCommitArgument: String, ScriptName {
    case owner, expecting
    /// The number of new events.
    case count
    /// Whether the commit may create the run.
    case canCreate
    case channel, refusingSignals

    var form: ScriptForm {
        switch self {
        case .expecting, .count: .number
        case .canCreate: .flag
        case .owner, .channel, .refusingSignals: .text
        }
    }
}

/// Arguments of ``RedisScripts/save``.
enum SaveArgument: String, ScriptName {
    /// The digest of the previous run. Empty if there was none.
    case digest
    /// In milliseconds.
    case ttl
    /// The run's JSON up to the count of events.
    case beginning
    case channel

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/append``.
enum AppendArgument: String, ScriptName {
    case event
    /// In milliseconds.
    case ttl
    case channel

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/claim`` and ``RedisScripts/claimAlone``.
enum ClaimArgument: String, ScriptName {
    /// Empty if the run has no owner.
    case currentOwner
    case newOwner
    /// In milliseconds.
    case ttl

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/delete``.
enum DeleteArgument: String, ScriptName {
    case channel
    /// For how long the run cannot be created again, in milliseconds. 0 if it can be.
    case refusedFor

    var form: ScriptForm { self == .refusedFor ? .number : .text }
}
