// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// Coordination inside one process: for storage that is not shared.
///
/// A backend that takes this as its ``Storage/coordination`` calls ``runDidChange(_:)`` at the end of every commit and
/// ``forgetSignals(to:)`` when a run is deleted or expires, and ``forgetAllSignals()`` when all are.
public final class LocalCoordination: Coordination {
    /// Signals of more runs than this are not kept: the oldest go first. Reached only by runs that end without anybody
    /// forgetting their signals.
    private static let signalLimit = 100_000

    fileprivate struct State {
        /// When the heartbeat of each process runs out, or ran out.
        var heartbeats: [ProcessID: ContinuousClock.Instant] = [:]
        var queues: [SessionID: [RunID]] = [:]
        var signals: [RunID: [String: Encoded<RunSignal>]] = [:]
        /// Runs with signals, in the order in which they got their first one.
        var signalOrder = RecencyQueue<RunID>()
    }

    private let state = Mutex(State())
    private let registry = WatchRegistry()
    private let now: @Sendable () -> ContinuousClock.Instant

    public convenience init() { self.init(now: { .now }) }

    /// - Parameter now: The clock by which heartbeats run out.
    package init(now: @escaping @Sendable () -> ContinuousClock.Instant) { self.now = now }

    /// How much there is of each thing: for tests that nothing stays behind.
    var footprint: [String: Int] {
        let counts = state.withLock { state in
            [
                "heartbeats": state.heartbeats.count, "queues": state.queues.count, "signals": state.signals.count,
                "signal order": state.signalOrder.count,
            ]
        }
        let streams = ["listeners": registry.listeningProcesses, "watchers": registry.watchedRuns]
        return counts.merging(streams) { first, _ in first }
    }

    /// Wakes whoever watches the run.
    public func runDidChange(_ run: RunID) { registry.runDidChange(run) }

    /// Forgets the signals of runs that are gone, and wakes whoever watches them.
    func runsDidGoAway(_ runs: [RunID]) {
        state.withLock { state in
            for run in runs { state.forgetSignals(to: run) }
        }
        registry.runsDidChange(runs)
    }

    // MARK: Processes

    public func heartbeat(of process: ProcessID, timeToLive: Duration) {
        let now = now()
        state.withLock { $0.heartbeats[process] = now + timeToLive }
    }

    public func liveProcesses() -> Set<ProcessID> {
        let now = now()
        return state.withLock { Set($0.heartbeats.filter { $0.value > now }.keys) }
    }

    public func lostProcesses() -> Set<ProcessID> {
        let now = now()
        return state.withLock { Set($0.heartbeats.filter { $0.value <= now }.keys) }
    }

    public func leave(_ process: ProcessID) {
        let now = now()
        state.withLock { $0.heartbeats[process] = now }
        registry.announce(.departure) { $0 != process }
    }

    public func forget(_ process: ProcessID) {
        let now = now()
        state.withLock { state in
            if let end = state.heartbeats[process], end <= now { state.heartbeats[process] = nil }
        }
    }

    // MARK: Signals

    /// Stores a signal and wakes all listeners in this process: those that do not own the run find nothing to do.
    @discardableResult
    public func send(_ signal: EncodedSignal, to run: RunID) -> Bool {
        let isNew = state.withLock { state in
            if state.signals[run] == nil {
                state.signals[run] = [:]
                state.signalOrder.touch(run)
                state.dropOldestSignals(keeping: Self.signalLimit)
            }
            let isNew = state.signals[run]?[signal.key] == nil
            if isNew { state.signals[run]?[signal.key] = signal.document }
            return isNew
        }
        announceSignal(to: run)
        return isNew
    }

    /// Wakes all listeners because there is a signal for a run: for backends that store signals themselves.
    public func announceSignal(to run: RunID) { registry.announce(.signal(run)) }

    public func storedSignals(to run: RunID) -> [Encoded<RunSignal>] {
        state.withLock { $0.signals[run].map { Array($0.values) } ?? [] }
    }

    /// Whether a cancel signal was sent to a run: for backends that refuse a commit then (``RunCommit/isRefusedAfterCancel``).
    public func isCancelled(_ run: RunID) -> Bool {
        state.withLock { $0.signals[run]?[RunSignal.cancel.key] != nil }
    }

    public func forgetSignals(to run: RunID) {
        state.withLock { $0.forgetSignals(to: run) }
    }

    /// Forgets the signals of all runs, and who waits for its turn.
    public func forgetAllSignals() {
        state.withLock { state in
            state.signals = [:]
            state.signalOrder = RecencyQueue()
            state.queues = [:]
        }
    }

    public func announcements(to process: ProcessID) -> AsyncStream<SignalAnnouncement> {
        registry.announcements(to: process)
    }

    // MARK: Turns

    public func enqueue(_ run: RunID, in session: SessionID) -> RunID {
        state.withLock { state in
            if state.queues[session]?.contains(run) != true { state.queues[session, default: []].append(run) }
            return state.queues[session]?.first ?? run
        }
    }

    @discardableResult
    public func dequeue(_ run: RunID, from session: SessionID) -> RunID? {
        state.withLock { state in
            state.queues[session]?.removeAll { $0 == run }
            if state.queues[session]?.isEmpty == true { state.queues[session] = nil }
            return state.queues[session]?.first
        }
    }

    // MARK: Changes

    public func changes(of run: RunID) -> AsyncStream<Void> { registry.changes(of: run) }
}

extension LocalCoordination.State {
    fileprivate mutating func forgetSignals(to run: RunID) {
        if signals.removeValue(forKey: run) != nil { signalOrder.remove(run) }
    }

    fileprivate mutating func dropOldestSignals(keeping limit: Int) {
        while signalOrder.count > limit, let oldest = signalOrder.popLeastRecent() { signals[oldest] = nil }
    }
}
