// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What the engine and the run's readers ask of a run, and wait for.
extension RunExecution {
    /// The status at this moment, which may be ahead of the storage.
    var status: RunStatus { read(\.status) }

    /// The run at this moment, which may be ahead of the storage.
    var currentRun: Run { read { $0.composer.run } }

    /// Whether the run's end is stored. There may be more to do still: the next run of the session is told after it.
    var hasEnded: Bool { read { $0.settlement?.run.status.isTerminal == true } }

    /// Whether the run is known to be in storage.
    var isStored: Bool { read(\.isStored) }

    /// Whether the run has not begun yet.
    var isQueued: Bool { read(\.isQueued) }

    /// Whether the run waits: for an answer, or to begin.
    var isIdle: Bool { read(\.isIdle) }

    /// Returns when the run is stored.
    ///
    /// - Throws: Why it will not be; `CancellationError`.
    func created() async throws {
        try await wait(for: .created)
        if let failure = read(\.creationFailure) { throw failure }
    }

    /// The run as it settled last, after more events than the given number. Waits for it. Nil if the run is over here without.
    ///
    /// - Throws: ``RunEngineError`` if the storage fails for too long; `CancellationError`; why the run was not created.
    func settled(after eventCount: Int) async throws -> Settlement? {
        try await wait(for: .settled(after: eventCount))
        let (settlement, failure, isOver, trouble) = read {
            ($0.settlement, $0.creationFailure, $0.isOver, $0.trouble)
        }
        if let settlement, settlement.eventCount > eventCount { return settlement }
        if let failure { throw failure }
        if !isOver, let trouble { throw RunEngineError.storage(trouble.error) }
        return nil
    }

    /// What the run awaits, once that is stored: how many events there were.
    ///
    /// - Throws: `StorageError` if the storage fails for too long; `CancellationError`.
    func committedAwait() async throws -> Int? {
        try await wait(for: .awaitStored)
        let (eventCount, committed, trouble) = read { ($0.awaitedCount, $0.log.committed, $0.trouble) }
        guard let eventCount else { return nil }
        if committed < eventCount, let trouble { throw trouble.error }
        return eventCount
    }

    /// Returns when the run is over here.
    ///
    /// - Parameter isPatient: Whether to wait on while the storage fails for too long, rather than to throw what it throws.
    func waitUntilOver(isPatient: Bool = false) async throws {
        try await wait(for: .over(isPatient: isPatient))
        let (isOver, trouble) = read { ($0.isOver, $0.trouble) }
        if !isOver, let trouble { throw trouble.error }
    }

    /// Events from an index onward, if there are some.
    func events(from index: Int) -> RunStateMachine.Reading {
        read { $0.read(from: index, bytes: RunEvents.batchBytes) }
    }
}
