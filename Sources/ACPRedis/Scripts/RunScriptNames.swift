// SPDX-License-Identifier: Apache-2.0

/// All keys of a run. Every script that writes a run takes them.
enum RunKey: String, ScriptName {
    case run, events, owner, input, signals, contents

    private static let order = allCases

    /// The position among the keys of a script.
    var position: Int { (Self.order.firstIndex(of: self) ?? 0) + 1 }
}

/// The keys of which a reader of a run needs the contents.
enum RecordKey: String, ScriptName {
    case run, events, owner
}

/// The keys that decide about a run's places in indexes.
enum StandingKey: String, ScriptName {
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
    /// How many events the run has before.
    case expecting
    /// In ms.
    case ttl
    /// Empty if there is none.
    case snapshot, input
    case channel
    /// The ``RunKey/position`` of the last key of which the life is prolonged.
    case lastProlonged
    case contentCount
    /// How many arguments there are about the history of a session.
    case historyCount
    /// Whether a stored cancel refuses the commit.
    case isRefusedAfterCancel

    var form: ScriptForm {
        switch self {
        case .expecting, .ttl, .lastProlonged, .contentCount, .historyCount: .number
        case .isRefusedAfterCancel: .flag
        case .owner, .snapshot, .input, .channel: .text
        }
    }
}

/// Arguments of ``RedisScripts/mayCommit``. Those that ``CommitArgument`` has as well mean the same.
enum MayCommitArgument: String, ScriptName {
    case owner, expecting
    /// How many events are new.
    case count
    /// Whether the commit may create the run.
    case mayCreate
    case channel, isRefusedAfterCancel

    var form: ScriptForm {
        switch self {
        case .expecting, .count: .number
        case .mayCreate, .isRefusedAfterCancel: .flag
        case .owner, .channel: .text
        }
    }
}

/// Arguments of ``RedisScripts/save``.
enum SaveArgument: String, ScriptName {
    /// The digest of the run that was there. Empty if there was none.
    case digest
    /// In ms.
    case ttl
    /// The run's JSON up to the count of events.
    case beginning
    case channel

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/append``.
enum AppendArgument: String, ScriptName {
    case event
    /// In ms.
    case ttl
    case channel

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/claim`` and ``RedisScripts/claimAlone``.
enum ClaimArgument: String, ScriptName {
    /// Empty if nobody owns the run.
    case currentOwner
    case newOwner
    /// In ms.
    case ttl

    var form: ScriptForm { self == .ttl ? .number : .text }
}

/// Arguments of ``RedisScripts/delete``.
enum DeleteArgument: String, ScriptName {
    case channel
}
