// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// What a storage does with a commit. Every backend decides in the same way, and refuses in the same words.
///
/// Backends in Swift ask ``RunCommit/outcome(for:isCancelled:)``. Those whose decision is part of a script or a function inside a
/// database translate its code with ``init(code:found:)``. ``RunCommit/isToBeCarriedOut(_:)`` makes an outcome into an error.
public enum CommitOutcome: Sendable, Hashable {
    /// The commit is allowed: it is to be carried out, or a script has carried it out.
    case applied
    /// The events are there already: it is the repetition of a commit whose reply was lost. Nothing is left to do.
    case repeated
    /// The run belongs to another owner.
    case fenced
    /// The run has another number of events than the commit expects.
    case conflict(found: Int)
    /// Events are expected, but there is no such run.
    case missing
    /// The snapshot covers more events than the run has after the commit, or fewer than none.
    case invalidSnapshot
    /// The commit ends the run otherwise than as cancelled, and a cancel signal is stored for the run.
    case cancelled
    /// Part of the run is missing: see ``StorageError/Code/incomplete``.
    ///
    /// - Parameter missing: What is missing, in words, where it belongs: "the key acp:owner:1 (its owner)".
    case incomplete(missing: String)

    /// The outcome for a code that a script returns.
    ///
    /// - Parameters:
    ///   - code: `done`, `fenced`, `conflict`, `missing`, `covered` (the snapshot covers too many events) or `cancelled`.
    ///   - found: How many events the run has, for `conflict`.
    /// - Returns: `nil` for another code.
    public init?(code: String, found: Int) {
        switch code {
        case "done": self = .applied
        case "fenced": self = .fenced
        case "conflict": self = .conflict(found: found)
        case "missing": self = .missing
        case "covered": self = .invalidSnapshot
        case "cancelled": self = .cancelled
        default: return nil
        }
    }
}

/// What decides whether a run takes a commit.
public struct RunStanding: Sendable, Hashable {
    /// Who may write the run. `nil` if it was saved by hand.
    public var owner: RunOwner?
    /// How many events it has.
    public var eventCount: Int
    /// What is missing of the run, in words, where it belongs. `nil` if nothing is, as far as the storage can tell.
    public var missingPart: String?

    /// Creates a description of a run that is stored.
    public init(owner: RunOwner?, eventCount: Int, missingPart: String? = nil) {
        self.owner = owner
        self.eventCount = eventCount
        self.missingPart = missingPart
    }
}

extension RunCommit {
    /// Decides what is to be done with the commit.
    ///
    /// - Parameters:
    ///   - run: How the run stands. `nil` if there is no such run: then the commit may create it.
    ///   - isCancelled: Whether a cancel signal is stored for the run. Called only where it matters.
    /// - Throws: What `isCancelled` throws.
    public func outcome<Failure: Error>(
        for run: RunStanding?, isCancelled: () throws(Failure) -> Bool
    ) throws(Failure) -> CommitOutcome {
        guard let run else {
            guard expecting == 0, snapshot != nil else { return .missing }
            return hasFittingSnapshot ? .applied : .invalidSnapshot
        }
        // Fencing comes first: a process that has lost the run learns it from any commit.
        guard run.owner == owner else { return .fenced }
        if run.eventCount == expecting + events.count, !events.isEmpty { return .repeated }
        if let missing = run.missingPart { return .incomplete(missing: missing) }
        guard run.eventCount == expecting else { return .conflict(found: run.eventCount) }
        if isRefusedAfterCancel, try isCancelled() { return .cancelled }
        return hasFittingSnapshot ? .applied : .invalidSnapshot
    }

    /// Whether the snapshot, if there is one, covers no more events than the run has after the commit.
    public var hasFittingSnapshot: Bool {
        guard let covered = snapshot?.eventCount else { return true }
        return (0...expecting + events.count).contains(covered)
    }

    /// Returns whether the commit is to be carried out: false if it is a repetition, and nothing is left to do.
    ///
    /// - Throws: ``StorageError`` if it is refused.
    public func isToBeCarriedOut(_ outcome: CommitOutcome) throws(StorageError) -> Bool {
        if let error = error(outcome) { throw error }
        return outcome == .applied
    }

    /// The error with which a storage refuses the commit. `nil` if it does not.
    public func error(_ outcome: CommitOutcome) -> StorageError? {
        switch outcome {
        case .applied, .repeated: nil
        case .fenced:
            StorageError(.fenced, "run \(run) belongs to another owner by now: stop writing it")
        case .conflict(let found):
            StorageError(.conflict, "run \(run) has \(found) events where \(expecting) were expected: read it again")
        case .missing:
            StorageError(.notFound, "run \(run) is not stored (any more): it expired or was deleted")
        case .invalidSnapshot:
            StorageError(
                .conflict,
                "a snapshot of run \(run) covers \(snapshot?.eventCount ?? 0) events where there are "
                    + "\(expecting + events.count)")
        case .cancelled:
            StorageError(.cancelled, "run \(run) is being cancelled: it cannot end in another way any more")
        case .incomplete(let missing):
            .incomplete(run, missing: missing)
        }
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

    /// The error for a signal to a run that is not there.
    public static func unknownReceiver(_ run: RunID) -> StorageError {
        StorageError(.notFound, "run \(run) is not stored (any more): nobody can be told anything about it")
    }

    /// The error for a session that has another version than a save expects.
    public static func conflict(_ session: SessionID, found: Int, expected: Int) -> StorageError {
        StorageError(
            .conflict, "session \(session) has version \(found) where \(expected) was expected: read it again")
    }
}
