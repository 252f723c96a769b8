// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What the engine and the run's readers query of a run and wait for.
extension RunExecution {
    /// The current status, which may be ahead of the storage.
    var status: RunStatus { read(\.status) }

    /// The current run, which may be ahead of the storage.
    var currentRun: Run { read { $0.composer.run } }

    /// Whether the run's end is stored. The run may have more to do: the next run of its session is notified after
    /// that.
    var hasEnded: Bool { read { $0.settlement?.run.status.isTerminal == true } }

    /// Whether the run is known to be in storage.
    var isStored: Bool { read(\.isStored) }

    /// Whether the run has not started yet.
    var isQueued: Bool { read(\.isQueued) }

    /// Whether the run is idle: queued, or awaiting an answer.
    var isIdle: Bool { read(\.isIdle) }

    /// Whether the run has ended here, or was abandoned.
    var isOver: Bool { read(\.isOver) }

    /// Waits until the run is stored.
    ///
    /// - Throws: The reason why it cannot be stored; `CancellationError`.
    func created() async throws {
        try await wait(for: .created)
        if let failure = read(\.creationFailure) { throw failure }
    }

    /// Waits until the run has settled with more events than a given number.
    ///
    /// - Returns: The run at that moment, or `nil` if it is over in this process without having settled.
    /// - Throws: ``RunEngineError`` if the storage has failed for longer than the storage timeout; `CancellationError`;
    ///   the reason why the run was not created.
    func settled(after eventCount: Int) async throws -> Settlement? {
        try await wait(for: .settled(after: eventCount))
        let (settlement, failure, isOver, outage) = read {
            ($0.settlement, $0.creationFailure, $0.isOver, $0.outage)
        }
        if let settlement, settlement.eventCount > eventCount { return settlement }
        if let failure { throw failure }
        if !isOver, let outage { throw RunEngineError.storage(outage.error) }
        return nil
    }

    /// Waits until the question that the run asks is stored.
    ///
    /// - Returns: The number of events at that moment, or `nil` if the run does not await an answer.
    /// - Throws: `StorageError` if the storage has failed for longer than the storage timeout; `CancellationError`.
    func committedAwait() async throws -> Int? {
        try await wait(for: .awaitStored)
        let (eventCount, committed, outage) = read { ($0.awaitedCount, $0.log.committed, $0.outage) }
        guard let eventCount else { return nil }
        if committed < eventCount, let outage { throw outage.error }
        return eventCount
    }

    /// Waits until the run is over in this process.
    ///
    /// - Parameter ignoringTimeout: Whether to continue waiting while the storage fails for longer than the storage
    ///   timeout, instead of throwing its error. Defaults to `false`.
    func waitUntilOver(ignoringTimeout: Bool = false) async throws {
        try await wait(for: .over(ignoringTimeout: ignoringTimeout))
        let (isOver, outage) = read { ($0.isOver, $0.outage) }
        if !isOver, let outage { throw outage.error }
    }

    /// Returns the events from an index onward, if there are any.
    func events(from index: Int) -> RunStateMachine.Reading {
        read { $0.read(from: index, bytes: RunEvents.batchBytes) }
    }
}
