// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import ServiceLifecycle

/// Reading runs and their events, and waiting for them.
extension RunEngine {
    /// Returns a run in its current state.
    ///
    /// - Parameter id: The run.
    /// - Throws: ``RunEngineError``: `unknownRun`; `storage`.
    public func fetchRun(_ id: RunID) async throws -> Run {
        try requireVisible(id)
        return try await storing {
            guard let run = try await storage.run(id) else { throw RunEngineError.unknownRun(id) }
            return try await withCurrentStatus(run)
        }
    }

    /// Returns a run with the status `cancelling` if its cancellation was requested. There is no event for that, so the
    /// stored run shows it only some time later.
    private func withCurrentStatus(_ run: Run) async throws -> Run {
        guard run.status.canBecome(.cancelling) else { return run }
        let isCancelling =
            if let execution = execution(of: run.id) {
                execution.status == .cancelling
            } else {
                try await storage.coordination.signals(to: run.id).contains(.cancel)
            }
        guard isCancelling else { return run }
        var run = run
        run.status = .cancelling
        return run
    }

    /// Applies the same to a page of runs.
    func withCurrentStatus(_ page: StoragePage<Run>) async throws -> StoragePage<Run> {
        var page = page
        var elsewhere: [Int] = []
        for (index, run) in page.items.enumerated() where run.status.canBecome(.cancelling) {
            if let execution = execution(of: run.id) {
                if execution.status == .cancelling { page.items[index].status = .cancelling }
            } else {
                elsewhere.append(index)
            }
        }
        let runs = elsewhere.map { page.items[$0] }
        for (index, run) in zip(elsewhere, try await inParallel(runs) { try await self.withCurrentStatus($0) }) {
            page.items[index] = run
        }
        return page
    }

    /// Checks that a run exists. It is not read if this process executes it.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if there is none.
    package func requireRun(_ id: RunID) async throws {
        try requireVisible(id)
        if execution(of: id)?.isStored == true { return }
        try await storing { try await requireStored(id) }
    }

    /// Returns one page of runs, newest first.
    ///
    /// - Parameter query: Which runs to list, and which page of them.
    /// - Throws: ``RunEngineError``: `storage`.
    public func runs(_ query: RunQuery) async throws -> StoragePage<Run> {
        try await storing {
            try await withCurrentStatus(try await withoutCompanions(query) { try await storage.runs($0) })
        }
    }

    /// Returns one page of an agent's runs in the order in which their status changed, the last change first.
    ///
    /// - Parameter query: Which runs to list, and which page of them.
    /// - Throws: ``RunEngineError``: `storage`.
    public func runs(_ query: RunStatusQuery) async throws -> StoragePage<Run> {
        if query.agent.isOfCompanions, agents[query.agent] == nil { return StoragePage(items: [], total: 0) }
        return try await storing { try await withCurrentStatus(try await storage.runs(query)) }
    }

    /// Returns the stored events of a run from an index onward.
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - offset: The index of the first event. Defaults to 0.
    ///   - limit: The largest number of events. If `nil`, all are returned.
    /// - Throws: ``RunEngineError``: `unknownRun` if there is no such run; `storage`.
    public func events(of id: RunID, from offset: Int = 0, limit: Int? = nil) async throws -> [EncodedEvent] {
        try requireVisible(id)
        return try await storing {
            let events = try await storage.events(of: id, from: offset, limit: limit)
            if events.isEmpty, try await storage.record(of: id) == nil { throw RunEngineError.unknownRun(id) }
            return events
        }
    }

    /// Returns the events of a run from an index onward: those that are stored, then further ones as they are
    /// committed.
    ///
    /// ```swift
    /// for try await batch in engine.follow(run.id) { for event in batch.events { print(event.kind) } }
    /// ```
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - offset: The index of the first event. Defaults to 0.
    ///   - stopCondition: Whether the sequence ends with the run, or also when the run asks a question. Defaults to
    ///     `terminal`.
    public func follow(
        _ id: RunID, from offset: Int = 0, until stopCondition: RunEvents.StopCondition = .terminal
    ) -> RunEvents {
        follow(id, from: offset, until: stopCondition, wake: nil)
    }

    /// Returns the events of a run like ``follow(_:from:until:)``, for a reader that can be woken by something else as
    /// well.
    ///
    /// - Parameter wake: Wakes the reader, which then gets an empty batch.
    package func follow(
        _ id: RunID, from offset: Int = 0, until stopCondition: RunEvents.StopCondition = .terminal, wake: FollowerWake?
    ) -> RunEvents {
        RunEvents(engine: self, run: id, offset: max(0, offset), stopCondition: stopCondition, wake: wake)
    }

    /// Waits until a run has ended or asks a question, with more events than a given number.
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - eventCount: The number of events that is not enough: after ``resume(_:with:)``, the number that it returned.
    /// - Returns: The run at that moment.
    /// - Throws: ``RunEngineError``; `CancellationError`.
    public func settledRun(_ id: RunID, after eventCount: Int) async throws -> Run {
        try await RunHandle(engine: self, id: id).settled(after: eventCount).run
    }

    /// Waits for the next time that a run settles which this process does not execute.
    func nextSettledRun(_ id: RunID, after eventCount: Int) async throws -> Run {
        for try await batch in follow(id, from: eventCount, until: .settled).cancelOnGracefulShutdown() {
            guard let last = batch.events.last, last.kind.isSettled else { continue }
            let event: Event
            do {
                event = try last.decode()
            } catch {
                throw RunEngineError.storage(
                    StorageError(.corruptData, "the last event of run \(id) cannot be read: \(error.message)"))
            }
            if let run = event.run { return run }
        }
        // A sequence that `cancelOnGracefulShutdown` cancels ends without an error, also if the task was cancelled.
        try Task.checkCancellation()
        let run = try await fetchRun(id)
        guard run.status.isSettled else { throw RunEngineError.shuttingDown }
        return run
    }

    /// Checks connectivity to the storage. A storage that can be reached may still refuse runs: see
    /// ``checkReadiness()``.
    ///
    /// - Returns: The time until the storage replied.
    /// - Throws: ``RunEngineError``: `storage`.
    public func ping() async throws -> Duration {
        try await storing { try await storage.ping() }
    }

    /// Performs an operation, and throws errors of the storage as errors of the engine.
    func storing<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            if let error = error as? StorageError { metrics.storageDidFail(.request, error) }
            throw RunEngineError.wrapping(error)
        }
    }
}
