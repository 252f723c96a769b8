// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import ServiceLifecycle
import Synchronization

extension RunEngine {
    // MARK: - Answering

    /// Gives a run the answer that it awaits.
    ///
    /// - Returns: The run as it goes on, and how many events it had before: what follows is read from there.
    /// - Throws: ``RunEngineError``: `notAwaiting` if the run awaits nothing, also if somebody else was faster.
    public func resume(_ id: RunID, with answer: AwaitResume) async throws -> (run: Run, eventCount: Int) {
        do {
            try answer.validate()
        } catch {
            throw RunEngineError.invalidInput(error.message)
        }
        return try await storing {
            if let execution = execution(of: id) {
                guard let eventCount = try await execution.committedAwait() else {
                    throw RunEngineError.notAwaiting(id, execution.status)
                }
                guard
                    try await storage.coordination.send(
                        .resume(answer, eventCount: eventCount), to: id)
                else {
                    // The answer that was first may wait in storage only: its sender did not hear that it was stored.
                    try await obeySignals(to: execution)
                    throw RunEngineError.notAwaiting(id, execution.status)
                }
                if let run = execution.update({ $0.answer(answer, to: eventCount) }) { return (run, eventCount) }
                // Somebody who came second may have found this answer in storage and have delivered it already.
                let run = execution.currentRun
                guard run.status != .cancelling, run.status != .cancelled else {
                    throw RunEngineError.notAwaiting(id, run.status)
                }
                return (run.resumed(), eventCount)
            }
            guard let record = try await storage.record(of: id) else { throw RunEngineError.unknownRun(id) }
            let run = try record.run()
            guard run.status == .awaiting else { throw RunEngineError.notAwaiting(id, run.status) }
            guard record.owner != nil else {
                // Nobody would hear the answer.
                try await endOwnerless(record)
                throw RunEngineError.notAwaiting(id, .failed)
            }
            let isFirst = try await storage.coordination.send(
                .resume(answer, eventCount: record.eventCount), to: id)
            // Where no handler waits, the answer lets it run again. Others are woken by the signal itself.
            if state.withLock({ $0.dormant[id] != nil }) { await hear(.signal(id)) }
            guard isFirst else { throw RunEngineError.notAwaiting(id, .inProgress) }
            return (run.resumed(), record.eventCount)
        }
    }

    // MARK: - Cancelling

    /// Asks a run to stop. Asking twice is fine.
    ///
    /// - Returns: The run as it is being cancelled. It is `cancelled` as soon as its handler has stopped, or after the grace
    ///   period.
    /// - Throws: ``RunEngineError``: `alreadyEnded` if there is nothing to cancel any more.
    public func cancel(_ id: RunID) async throws -> Run {
        try await storing {
            if let execution = execution(of: id) {
                if let run = execution.update({ $0.cancel() }) {
                    // For whoever looks from elsewhere, and whoever takes the run over if this process ends now. The run is
                    // being cancelled in any case.
                    if storage.capabilities.isDurable { _ = try? await storage.coordination.send(.cancel, to: id) }
                    return run
                }
                try await execution.waitUntilOver()
            }
            guard let record = try await storage.record(of: id) else { throw RunEngineError.unknownRun(id) }
            guard !record.snapshot.status.isTerminal else {
                throw RunEngineError.alreadyEnded(id, record.snapshot.status)
            }
            try await storage.coordination.send(.cancel, to: id)
            if record.owner == nil {
                // Nobody would hear of it.
                try await endOwnerless(record)
            } else if state.withLock({ $0.dormant[id] != nil }) {
                await hear(.signal(id))
            }
            // The run may have ended before the signal came. From then on it cannot end but as cancelled: see `Storage.commit`.
            var run = try await run(id)
            guard !run.status.isTerminal || run.status == .cancelled else {
                throw RunEngineError.alreadyEnded(id, run.status)
            }
            run.status = .cancelling
            return run
        }
    }

    // MARK: - Looking

    /// A run as it stands.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if there is none.
    public func run(_ id: RunID) async throws -> Run {
        try await storing {
            guard let run = try await storage.run(id) else { throw RunEngineError.unknownRun(id) }
            return try await withCurrentStatus(run)
        }
    }

    /// A run as it was read, with the status `cancelling` if somebody has asked to cancel it. There is no event for that, so what is
    /// stored of the run says it only some time later.
    func withCurrentStatus(_ run: Run) async throws -> Run {
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
        let active = page.items.indices.filter { page.items[$0].status.canBecome(.cancelling) }
        let runs = active.map { page.items[$0] }
        for (index, run) in zip(active, try await inParallel(runs) { try await self.withCurrentStatus($0) }) {
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
        let run = try await run(id)
        guard run.status.isSettled else { throw RunEngineError.shuttingDown }
        return run
    }

    // MARK: - Deleting

    /// Deletes a run that has ended, or one that is stored in part only and so goes on nowhere.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun`, or `notEnded`.
    public func delete(_ id: RunID) async throws {
        try await storing {
            switch try await remains(of: id) {
            case .nothingReadable:
                // What is left of it, if anything, goes.
                guard try await storage.delete(id) else { throw RunEngineError.unknownRun(id) }
            case .run(let run, let isOwned):
                // One that nobody owns goes on nowhere.
                guard run.status.isTerminal || !isOwned && execution(of: id) == nil else {
                    throw RunEngineError.notEnded(id, run.status)
                }
                try await storage.delete(id)
            }
            pages.forget(id)
        }
    }

    private enum Remains {
        case run(Run, isOwned: Bool)
        case nothingReadable
    }

    private func remains(of id: RunID) async throws -> Remains {
        do {
            guard let record = try await storage.record(of: id) else { return .nothingReadable }
            return .run(
                record.snapshot.status.isTerminal ? record.snapshot : try record.run(), isOwned: record.owner != nil)
        } catch let error as StorageError where error.code == .corruptData || error.code == .incomplete {
            return .nothingReadable
        }
    }

    // MARK: - Sessions

    /// What is stored of a session, and how long its history is.
    ///
    /// - Throws: ``RunEngineError``: `unknownSession` if nothing is stored of it and no run of it is going on.
    public func session(_ id: SessionID) async throws -> (record: SessionRecord, historyCount: Int) {
        try await storing {
            async let stored = storage.session(id)
            async let history = storage.history(of: id, from: 0, limit: 0)
            let (record, count) = (try await stored, try await history.total)
            if record == nil, count == 0 {
                // A session exists from the moment that its first run does, before anything is stored in it.
                let newest = try await contents.newestRunWithoutContents(in: id)
                guard let newest, !newest.status.isTerminal else { throw RunEngineError.unknownSession(id) }
            }
            return (record ?? SessionRecord(id: id), count)
        }
    }

    /// One page of a session's history.
    public func history(of id: SessionID, from offset: Int, limit: Int?) async throws -> Page<HistoryEntry> {
        try await storing { try await storage.history(of: id, from: offset, limit: limit) }
    }

    /// Deletes a session: its state and its history. Its runs stay.
    ///
    /// - Throws: ``RunEngineError``: `unknownSession`.
    public func delete(_ id: SessionID) async throws {
        try await storing {
            guard try await storage.delete(id) else { throw RunEngineError.unknownSession(id) }
        }
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
