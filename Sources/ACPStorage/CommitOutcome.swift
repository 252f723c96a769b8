// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// The decision of a storage about a commit, which is the same for all backends, with the same errors.
///
/// Backends in Swift call ``RunCommit/outcome(for:isDeleted:hasSignal:)``. Backends that decide in a script or a function of
/// their database convert its code with ``init(code:found:)``. ``RunCommit/shouldApply(_:)`` and
/// ``RunCommit/error(for:)`` convert an outcome to an error.
public enum CommitOutcome: Sendable, Hashable {
    /// The commit is allowed: apply it, unless a script has applied it already.
    case applied
    /// The events are stored already: this is the repetition of a commit whose reply was lost. Nothing remains to be
    /// done.
    case repeated
    /// The run belongs to another owner.
    case fenced
    /// The run has another number of events than the commit expects.
    case conflict(found: Int)
    /// Events are expected, but there is no such run.
    case missing
    /// The commit would create a run that was deleted for good: see ``Storage/deleteRun(_:forGood:)``.
    case deleted
    /// The snapshot covers more events than the run has after the commit, or fewer than none.
    case invalidSnapshot
    /// The commit ends the run as completed or failed, and a cancel signal is stored for the run.
    case cancelled
    /// The commit fails the run for want of an answer, and an answer to its question is stored.
    case answered
    /// Part of the run is missing: see ``StorageError/Code/incomplete``.
    ///
    /// - Parameter missing: A description of the missing part: "the key acp:owner:1 (its owner)".
    case incomplete(missing: String)

    /// Creates the outcome for a code that a script returns. Returns `nil` for any other code.
    ///
    /// - Parameters:
    ///   - code: `done`, `fenced`, `conflict`, `missing`, `deleted`, `covered` (the snapshot covers too many events),
    ///     `cancelled` or `answered`.
    ///   - found: The number of events that the run has, for `conflict`.
    public init?(code: String, found: Int) {
        switch code {
        case "done": self = .applied
        case "fenced": self = .fenced
        case "conflict": self = .conflict(found: found)
        case "missing": self = .missing
        case "deleted": self = .deleted
        case "covered": self = .invalidSnapshot
        case "cancelled": self = .cancelled
        case "answered": self = .answered
        default: return nil
        }
    }
}

/// The state of a stored run, as far as it determines whether the run accepts a commit.
public struct StoredRunState: Sendable, Hashable {
    /// The owner of the run. If `nil`, the run was saved by a program without an engine.
    public var owner: RunOwner?
    /// The number of events that the run has.
    public var eventCount: Int
    /// A description of the part of the run that is missing. If `nil`, nothing is missing, as far as the storage can
    /// detect it.
    public var missingPart: String?

    /// Creates a description of a stored run.
    ///
    /// - Parameters:
    ///   - owner: The owner of the run.
    ///   - eventCount: The number of events that the run has.
    ///   - missingPart: A description of the part of the run that is missing. Defaults to `nil`.
    public init(owner: RunOwner?, eventCount: Int, missingPart: String? = nil) {
        self.owner = owner
        self.eventCount = eventCount
        self.missingPart = missingPart
    }
}

extension RunCommit {
    /// Decides about the commit.
    ///
    /// - Parameters:
    ///   - run: The state of the stored run. If `nil`, there is no such run: then the commit may create it.
    ///   - isDeleted: Whether the run was deleted for good. Evaluated only if the commit would create it.
    ///   - hasSignal: Returns whether a signal with a key is stored for the run. Called only if the decision depends on
    ///     it.
    /// - Throws: The error of `isDeleted` or `hasSignal`.
    public func outcome<Failure: Error>(
        for run: StoredRunState?, isDeleted: @autoclosure () throws(Failure) -> Bool,
        hasSignal: (_ key: String) throws(Failure) -> Bool
    ) throws(Failure) -> CommitOutcome {
        guard let run else {
            guard expecting == 0, snapshot != nil else { return .missing }
            if try isDeleted() { return .deleted }
            return hasValidSnapshot ? .applied : .invalidSnapshot
        }
        // Fencing comes first: a process that has lost the run finds out with any commit.
        guard run.owner == owner else { return .fenced }
        if run.eventCount == expecting + events.count, !events.isEmpty { return .repeated }
        if let missing = run.missingPart { return .incomplete(missing: missing) }
        guard run.eventCount == expecting else { return .conflict(found: run.eventCount) }
        if isRefusedAfterCancel, try hasSignal(RunSignal.cancel.key) { return .cancelled }
        if let question = unansweredQuestion, try hasSignal(RunSignal.answerKey(question)) { return .answered }
        return hasValidSnapshot ? .applied : .invalidSnapshot
    }

    /// Whether the snapshot, if there is one, covers no more events than the run has after the commit.
    package var hasValidSnapshot: Bool {
        guard let covered = snapshot?.eventCount else { return true }
        return (0...expecting + events.count).contains(covered)
    }

    /// Returns whether to apply the commit: `false` if it is a repetition, so that nothing remains to be done.
    ///
    /// - Throws: ``StorageError`` if the outcome is a refusal.
    public func shouldApply(_ outcome: CommitOutcome) throws(StorageError) -> Bool {
        if let error = error(for: outcome) { throw error }
        return outcome == .applied
    }

    /// Returns the error with which a storage refuses the commit, or `nil` if it does not.
    public func error(for outcome: CommitOutcome) -> StorageError? {
        switch outcome {
        case .applied, .repeated: nil
        case .fenced:
            StorageError(.fenced, "run \(run) belongs to another owner now: stop writing it")
        case .conflict(let found):
            StorageError(.conflict, "run \(run) has \(found) events where \(expecting) were expected: read it again")
        case .missing:
            StorageError(.notFound, "run \(run) is not stored: it expired or was deleted")
        case .deleted:
            StorageError(.deleted, "run \(run) was deleted, and cannot be created again: use another id")
        case .invalidSnapshot:
            StorageError(
                .conflict,
                "a snapshot of run \(run) covers \(snapshot?.eventCount ?? 0) events where there are "
                    + "\(expecting + events.count)")
        case .cancelled:
            StorageError(.cancelled, "run \(run) is being cancelled: it cannot end in another way")
        case .answered:
            StorageError(.answered, "the question of run \(run) was answered: it continues with the answer")
        case .incomplete(let missing):
            .incomplete(run, missing: missing)
        }
    }
}

extension StorageError {
    /// Returns the error for a run of which a part is missing.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - missing: A description of the missing part: "the key acp:owner:1 (its owner)".
    public static func incomplete(_ run: RunID, missing: String) -> StorageError {
        StorageError(
            .incomplete,
            "run \(run) is stored in part: \(missing) is missing, deleted manually or evicted. It cannot continue; "
                + "it can be claimed, saved as failed, and deleted")
    }

    /// Returns the error for an event that a program without an engine appends to a run that is not stored.
    public static func notSaved(_ run: RunID) -> StorageError {
        StorageError(.notFound, "run \(run) is not stored: save it first")
    }

    /// Returns the error for a signal to a run that is not stored.
    public static func unknownReceiver(_ run: RunID) -> StorageError {
        StorageError(.notFound, "run \(run) is not stored, so it cannot receive signals: it expired or was deleted")
    }

    /// Returns the error for a session that has another version than a save expects.
    public static func conflict(_ session: SessionID, found: Int, expected: Int) -> StorageError {
        StorageError(
            .conflict, "session \(session) has version \(found) where \(expected) was expected: read it again")
    }
}
