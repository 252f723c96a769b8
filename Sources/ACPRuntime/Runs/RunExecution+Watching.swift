// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// Reading a run while it is executed here.
extension RunExecution {
    /// What somebody who reads the run's events finds at one moment.
    enum Reading {
        case events([EncodedEvent])
        /// The events are committed, but only storage has them still.
        case stored
        /// Nothing yet; wait for more wakes than these.
        case notYet(wakes: Int)
        /// There will be nothing more.
        case ended
        /// Not written here any more: read from storage.
        case abandoned
        case stalled(StorageError)
    }

    func read(from index: Int) -> Reading {
        let wakes = progress.wakes
        return state.withLock { state in
            switch state.log.read(from: index, bytes: RunEvents.batchBytes) {
            case .events(let events): return .events(events)
            case .stored: return .stored
            case .notYet: break
            }
            switch state.phase {
            case .ended:
                if let end = state.detachedEnd, index > state.log.committed { return .events([end]) }
                return .ended
            case .abandoned: return .abandoned
            case .waiting, .running, .awaiting, .ending:
                return state.stall.map(Reading.stalled) ?? .notYet(wakes: wakes)
            }
        }
    }

    /// - Returns: Whether the reader was nudged.
    func waitForProgress(beyond wakes: Int, nudge: RunEvents.Nudge?) async throws -> Bool {
        try await progress.wait(beyond: wakes, nudge: nudge)
    }

    /// The run as it settled last, after more events than the given number. Waits for it.
    ///
    /// - Throws: ``RunEngineError`` if the storage fails for too long; `CancellationError`; why the run was not created.
    func settlement(after eventCount: Int) async throws -> Settlement? {
        while true {
            let wakes = progress.wakes
            let (settlement, phase, stall, failure) = state.withLock {
                ($0.settlement, $0.phase, $0.stall, $0.creationFailure)
            }
            if let settlement, settlement.eventCount > eventCount { return settlement }
            if let failure { throw failure }
            switch phase {
            case .ended, .abandoned: return nil
            case .waiting, .running, .awaiting, .ending: break
            }
            if let stall { throw RunEngineError.storage(stall) }
            try await progress.wait(beyond: wakes)
        }
    }

    /// What the run awaits, once that is written down: how many events there were.
    ///
    /// - Throws: `StorageError` if the storage fails for too long; `CancellationError`.
    func committedAwait() async throws -> Int? {
        while true {
            let wakes = progress.wakes
            let (eventCount, committed, stall) = state.withLock { ($0.awaitedCount, $0.log.committed, $0.stall) }
            guard let eventCount else { return nil }
            if committed >= eventCount { return eventCount }
            if let stall { throw stall }
            try await progress.wait(beyond: wakes)
        }
    }

    /// The status as it is at this moment, which may be a little ahead of the storage.
    var status: RunStatus {
        state.withLock { state in
            // The question has been answered: that is why the handler runs again.
            let isAnswered = state.replay != nil && state.composer.run.status == .awaiting
            return isAnswered ? .inProgress : state.composer.run.status
        }
    }

    /// The run as it is at this moment, which may be a little ahead of the storage.
    var currentRun: Run { state.withLock { $0.composer.run } }

    /// Whether the run's end is stored. There may be more to do still: the next run of the session is told after it.
    var hasEnded: Bool { state.withLock { $0.settlement?.run.status.isTerminal == true } }

    /// Whether the run is known to be in storage.
    var isStored: Bool { state.withLock { $0.log.committed > 0 && $0.isAlive } }

    /// Whether the run has not begun yet.
    var isWaiting: Bool { state.withLock { $0.isWaiting } }

    /// Whether the run waits: for an answer, or to begin.
    var isIdle: Bool { state.withLock { $0.isIdle } }

    /// Returns when everything is stored up to the point where the run waits.
    ///
    /// - Returns: False if it waits no more.
    func committedIdleness() async throws -> Bool {
        while true {
            let wakes = progress.wakes
            let (isIdle, isStored) = state.withLock { ($0.isIdle, $0.log.isIdle) }
            if !isIdle || isStored { return isIdle }
            try await progress.wait(beyond: wakes)
        }
    }

    /// Returns when the run is stored.
    ///
    /// - Throws: Why it will not be; `CancellationError`.
    func creation() async throws {
        try await waitUntilCreated()
        if let failure = state.withLock({ $0.creationFailure }) { throw failure }
    }

    /// Returns when the run is stored, or will not be.
    func waitUntilCreated() async throws {
        while true {
            let wakes = progress.wakes
            if state.withLock({ $0.log.committed > 0 || $0.isOver || $0.creationFailure != nil }) { return }
            try await progress.wait(beyond: wakes)
        }
    }

    /// Returns when the run has ended here, or waits: for an answer, or to begin.
    func waitUntilQuiet() async throws {
        while true {
            let wakes = progress.wakes
            if state.withLock({ $0.isIdle || $0.isOver }) { return }
            try await progress.wait(beyond: wakes)
        }
    }

    /// Returns when the run has ended here.
    ///
    /// - Parameter patiently: Whether to wait on while the storage fails for too long, rather than to throw what it says.
    func waitUntilEnded(patiently: Bool = false) async throws {
        while true {
            let wakes = progress.wakes
            let (isOver, stall) = state.withLock { ($0.isOver, $0.stall) }
            if isOver { return }
            if let stall, !patiently { throw stall }
            try await progress.wait(beyond: wakes)
        }
    }
}

extension RunExecution.State {
    /// How many events there were when the run began to await the answer that it awaits.
    fileprivate var awaitedCount: Int? {
        guard case .awaiting(let eventCount) = phase, composer.run.status == .awaiting else { return nil }
        return eventCount
    }

    /// Whether an answer would be taken. A run that is being cancelled takes none, though its handler may be waiting still.
    var isAwaiting: Bool { awaitedCount != nil }

    /// Whether the run has not begun.
    var isWaiting: Bool {
        if case .waiting = phase { composer.run.status == .created } else { false }
    }

    /// Whether the run waits: for an answer, or to begin.
    var isIdle: Bool { isAwaiting || isWaiting }

    fileprivate var isOver: Bool {
        switch phase {
        case .ended, .abandoned: true
        case .waiting, .running, .awaiting, .ending: false
        }
    }
}
