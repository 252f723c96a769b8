// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import ServiceLifecycle

/// Reading runs and their events, and waiting for them.
extension RunEngine {
    /// A run as it stands.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if there is none.
    public func fetchRun(_ id: RunID) async throws -> Run {
        try await storing {
            guard let run = try await storage.run(id) else { throw RunEngineError.unknownRun(id) }
            return try await withCurrentStatus(run)
        }
    }

    /// A run as it was read, with the status `cancelling` if somebody has asked to cancel it. There is no event for that, so what is
    /// stored of the run shows it only some time later.
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

    /// The same for a page of runs.
    func withCurrentStatus(_ page: Page<Run>) async throws -> Page<Run> {
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

    /// Checks that there is a run, without reading it if it is executed here.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if there is none.
    public func requireRun(_ id: RunID) async throws {
        if execution(of: id)?.isStored == true { return }
        try await storing { try await requireStored(id) }
    }

    /// One page of runs, newest first.
    public func runs(_ query: RunQuery) async throws -> Page<Run> {
        try await storing { try await withCurrentStatus(try await storage.runs(query)) }
    }

    /// The stored events of a run from an index onward.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if there is no such run.
    public func events(of id: RunID, from offset: Int = 0, limit: Int? = nil) async throws -> [EncodedEvent] {
        try await storing {
            let events = try await storage.events(of: id, from: offset, limit: limit)
            if events.isEmpty, try await storage.record(of: id) == nil { throw RunEngineError.unknownRun(id) }
            return events
        }
    }

    /// The events of a run from an index onward, those that are stored and then those that follow, as they are committed.
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - offset: The index of the first event wanted.
    ///   - end: Whether the sequence ends with the run, or already when the run asks something.
    ///   - nudge: Wakes the sequence's reader, who gets an empty batch. Nil if nothing but events does.
    public func follow(
        _ id: RunID, from offset: Int = 0, until end: RunEvents.End = .terminal, nudge: RunEvents.Nudge? = nil
    ) -> RunEvents {
        RunEvents(engine: self, run: id, offset: max(0, offset), end: end, nudge: nudge)
    }

    /// The run when it has ended or asks something, with more events than the given number.
    ///
    /// - Throws: ``RunEngineError``; `CancellationError`.
    public func settledRun(_ id: RunID, after eventCount: Int) async throws -> Run {
        try await RunHandle(engine: self, id: id).settled(after: eventCount).run
    }

    /// The next time that a run settles which is executed elsewhere, or not any more.
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
        // A sequence that is cancelled by `cancelOnGracefulShutdown` ends, whoever cancelled it.
        try Task.checkCancellation()
        let run = try await fetchRun(id)
        guard run.status.isSettled else { throw RunEngineError.shuttingDown }
        return run
    }

    /// Checks connectivity to the storage. That it can be reached does not mean that it takes runs: see ``checkReadiness()``.
    ///
    /// - Returns: How long the reply took.
    public func ping() async throws -> Duration {
        try await storing { try await storage.ping() }
    }

    /// Turns what the storage throws into the engine's own errors.
    func storing<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            throw RunEngineError.wrapping(error)
        }
    }
}
