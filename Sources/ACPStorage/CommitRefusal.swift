// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Why a storage does not take a commit. Every backend refuses for the same reasons, in the same words.
public enum CommitRefusal: Sendable, Hashable {
    /// The run belongs to another owner.
    case fenced
    /// The run has another number of events than the commit expects.
    case conflict(found: Int)
    /// The snapshot covers more events than the run has after the commit, or fewer than none.
    case snapshotOutOfRange
    /// Events are expected, but there is no such run.
    case notFound
    /// Part of the run is missing: see ``StorageError/Code/incomplete``.
    ///
    /// - Parameter missing: What is missing, in words, where it belongs: "the key acp:owner:1 (its owner)".
    case incomplete(missing: String)
}

extension RunCommit {
    /// The error with which a storage refuses the commit.
    public func error(_ refusal: CommitRefusal) -> StorageError {
        switch refusal {
        case .fenced:
            StorageError(.fenced, "run \(run) belongs to another owner by now: stop writing it")
        case .conflict(let found):
            StorageError(.conflict, "run \(run) has \(found) events where \(expecting) were expected: read it again")
        case .snapshotOutOfRange:
            StorageError(
                .conflict,
                "a snapshot of run \(run) covers \(snapshot?.eventCount ?? 0) events where there are "
                    + "\(expecting + events.count)")
        case .notFound:
            StorageError(.notFound, "run \(run) is not stored (any more): it expired or was deleted")
        case .incomplete(let missing):
            .incomplete(run, missing: missing)
        }
    }

    /// - Throws: ``StorageError`` if the snapshot does not fit the events.
    public func checkSnapshot() throws(StorageError) {
        let total = expecting + events.count
        if let covered = snapshot?.eventCount, !(0...total).contains(covered) { throw error(.snapshotOutOfRange) }
    }
}

extension StorageError {
    /// The error for a run of which a part is missing.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - missing: What is missing, in words, where it belongs: "the key acp:owner:1 (its owner)".
    public static func incomplete(_ run: RunID, missing: String) -> StorageError {
        StorageError(
            .incomplete,
            "run \(run) is stored in part: \(missing) is missing, deleted by hand or evicted. It cannot go on; it can be "
                + "claimed, saved as failed, and deleted")
    }

    /// The error for an event that is appended by hand to a run that is not there.
    public static func notSaved(_ run: RunID) -> StorageError {
        StorageError(.notFound, "run \(run) is not stored: save it first")
    }
}
