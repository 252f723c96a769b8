// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// Coordination within one process, for storages that are not shared.
///
/// A backend that uses this as its ``Storage/coordination`` calls ``runDidChange(_:)`` at the end of every commit,
/// ``forgetSignals(to:)`` when a run is deleted or expires, and ``forgetAllSignals()`` when all runs are deleted.
public final class LocalCoordination: Coordination {
    /// The maximum number of runs whose signals are kept. The oldest are removed first.
    ///
    /// Reached only if runs end and their signals are not removed.
    private static let signalLimit = 100_000

    fileprivate struct State {
        /// When the heartbeat of each process expires or expired.
        var heartbeats: [ProcessID: ContinuousClock.Instant] = [:]
        var queues: [SessionID: [RunID]] = [:]
        var signals: [RunID: [String: Encoded<RunSignal>]] = [:]
        /// The runs with signals, in the order of their first signal.
        var signalOrder = RecencyQueue<RunID>()
    }

    private let state = Mutex(State())
    private let registry = WatchRegistry()
    private let now: @Sendable () -> ContinuousClock.Instant

    /// Creates a coordination without processes, signals and queues.
    public convenience init() { self.init(now: { .now }) }

    /// Creates a coordination with another clock.
    ///
    /// - Parameter now: Returns the time by which heartbeats expire.
    package init(now: @escaping @Sendable () -> ContinuousClock.Instant) { self.now = now }

    /// The number of objects of each kind, for tests that nothing is left behind.
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

    /// Wakes the watchers of a run.
    public func runDidChange(_ run: RunID) { registry.runDidChange(run) }

    /// Removes the signals of runs that were removed, and wakes the watchers of these runs.
    func runsWereRemoved(_ runs: [RunID]) {
        state.withLock { state in
            for run in runs { state.forgetSignals(to: run) }
        }
        registry.runsDidChange(runs)
    }

    // MARK: Processes

    /// Stores a heartbeat of a process. Never fails.
    public func heartbeat(of process: ProcessID, timeToLive: Duration) {
        let now = now()
        state.withLock { $0.heartbeats[process] = now + timeToLive }
    }

    /// Returns the processes whose heartbeat has not expired.
    public func liveProcesses() -> Set<ProcessID> {
        let now = now()
        return state.withLock { Set($0.heartbeats.filter { $0.value > now }.keys) }
    }

    /// Returns the processes that have ended and have not been removed by ``forget(_:)``.
    public func lostProcesses() -> Set<ProcessID> {
        let now = now()
        return state.withLock { Set($0.heartbeats.filter { $0.value <= now }.keys) }
    }

    /// Marks a process as ended, and wakes the other listeners.
    public func leave(_ process: ProcessID) {
        let now = now()
        state.withLock { $0.heartbeats[process] = now }
        registry.announce(.departure) { $0 != process }
    }

    /// Removes a process that has ended. Does nothing if it is alive again.
    public func forget(_ process: ProcessID) {
        let now = now()
        state.withLock { state in
            if let end = state.heartbeats[process], end <= now { state.heartbeats[process] = nil }
        }
    }

    // MARK: Signals

    /// Stores a signal and wakes all listeners in this process. Those that do not own the run have nothing to do.
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

    /// Wakes all listeners for a signal to a run, for backends that store signals themselves.
    public func announceSignal(to run: RunID) { registry.announce(.signal(run)) }

    /// Returns all signals that were sent to a run, in no particular order.
    public func storedSignals(to run: RunID) -> [Encoded<RunSignal>] {
        state.withLock { $0.signals[run].map { Array($0.values) } ?? [] }
    }

    /// Returns whether a signal with a key was sent to a run, for the decision about a commit
    /// (``RunCommit/outcome(for:isDeleted:hasSignal:)``).
    public func hasSignal(_ key: String, to run: RunID) -> Bool {
        state.withLock { $0.signals[run]?[key] != nil }
    }

    /// Removes the signals of a run.
    public func forgetSignals(to run: RunID) {
        state.withLock { $0.forgetSignals(to: run) }
    }

    /// Removes the signals of all runs, and all queues.
    public func forgetAllSignals() {
        state.withLock { state in
            state.signals = [:]
            state.signalOrder = RecencyQueue()
            state.queues = [:]
        }
    }

    /// Returns a stream of the announcements to a process.
    public func announcements(to process: ProcessID) -> AsyncStream<SignalAnnouncement> {
        registry.announcements(to: process)
    }

    // MARK: Turns

    /// Appends a run to a session's queue, and returns the first run of the queue.
    public func enqueue(_ run: RunID, in session: SessionID) -> RunID {
        state.withLock { state in
            if state.queues[session]?.contains(run) != true { state.queues[session, default: []].append(run) }
            return state.queues[session]?.first ?? run
        }
    }

    /// Removes a run from a session's queue, and returns the first run of the queue, or `nil` if it is empty.
    @discardableResult
    public func dequeue(_ run: RunID, from session: SessionID) -> RunID? {
        state.withLock { state in
            state.queues[session]?.removeAll { $0 == run }
            if state.queues[session]?.isEmpty == true { state.queues[session] = nil }
            return state.queues[session]?.first
        }
    }

    // MARK: Changes

    /// Returns a stream that wakes its reader after each change of a run.
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
