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
    /// Announcements that wait for one slow listener. It is told of a gap if more come.
    private static let announcementLimit = 10_000

    fileprivate struct State {
        var heartbeats: [ProcessID: ContinuousClock.Instant] = [:]
        var signals: [RunID: [String: RunSignal]] = [:]
        /// Runs with signals, in the order in which they got their first one.
        var signalOrder = RecencyQueue<RunID>()
        var listeners: [ProcessID: [Int: AsyncStream<SignalAnnouncement>.Continuation]] = [:]
        var watchers: [RunID: [Int: AsyncStream<Void>.Continuation]] = [:]
        var nextID = 0

        mutating func newID() -> Int {
            nextID += 1
            return nextID
        }
    }

    private let state = Mutex(State())

    public init() {}

    /// How much there is of each thing: for tests that nothing stays behind.
    var footprint: [String: Int] {
        state.withLock { state in
            [
                "heartbeats": state.heartbeats.count, "signals": state.signals.count,
                "signal order": state.signalOrder.count, "listeners": state.listeners.count,
                "watchers": state.watchers.count,
            ]
        }
    }

    /// Wakes whoever watches the run.
    public func runDidChange(_ run: RunID) {
        let watchers = state.withLock { $0.watchers[run].map { Array($0.values) } }
        guard let watchers else { return }
        for watcher in watchers { watcher.yield() }
    }

    public func heartbeat(of process: ProcessID, timeToLive: Duration) {
        state.withLock { $0.heartbeats[process] = .now + timeToLive }
    }

    public func liveProcesses() -> Set<ProcessID> {
        state.withLock { state in
            let now = ContinuousClock.now
            state.heartbeats = state.heartbeats.filter { $0.value > now }
            return Set(state.heartbeats.keys)
        }
    }

    public func leave(_ process: ProcessID) {
        state.withLock { $0.heartbeats[process] = nil }
    }

    @discardableResult
    public func send(_ signal: RunSignal, to run: RunID, ownedBy process: ProcessID?) -> Bool {
        let isNew = state.withLock { state -> Bool in
            if state.signals[run] == nil {
                state.signals[run] = [:]
                state.signalOrder.touch(run)
                state.dropOldestSignals(keeping: Self.signalLimit)
            }
            guard state.signals[run]?[signal.key] == nil else { return false }
            state.signals[run]?[signal.key] = signal
            return true
        }
        if isNew, let process { announceSignal(for: run, to: process) }
        return isNew
    }

    /// Wakes a process because there is a signal for one of its runs: for backends that store signals themselves.
    public func announceSignal(for run: RunID, to process: ProcessID) {
        let listeners = state.withLock { $0.listeners[process].map { Array($0.values) } ?? [] }
        for listener in listeners {
            if case .dropped = listener.yield(.signal(run)) { listener.yield(.gap) }
        }
    }

    public func signals(to run: RunID) -> [RunSignal] {
        state.withLock { $0.signals[run].map { Array($0.values) } ?? [] }
    }

    public func forgetSignals(to run: RunID) {
        state.withLock { state in
            if state.signals.removeValue(forKey: run) != nil { state.signalOrder.remove(run) }
        }
    }

    /// Forgets the signals of all runs.
    public func forgetAllSignals() {
        state.withLock { state in
            state.signals = [:]
            state.signalOrder = RecencyQueue()
        }
    }

    public func announcements(to process: ProcessID) -> AsyncStream<SignalAnnouncement> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: SignalAnnouncement.self, bufferingPolicy: .bufferingNewest(Self.announcementLimit))
        let id = state.withLock { state in
            let id = state.newID()
            state.listeners[process, default: [:]][id] = continuation
            return id
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.listeners[process]?[id] = nil
                if state.listeners[process]?.isEmpty == true { state.listeners[process] = nil }
            }
        }
        return stream
    }

    public func changes(of run: RunID) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            let id = state.newID()
            state.watchers[run, default: [:]][id] = continuation
            return id
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.watchers[run]?[id] = nil
                if state.watchers[run]?.isEmpty == true { state.watchers[run] = nil }
            }
        }
        return stream
    }
}

extension LocalCoordination.State {
    fileprivate mutating func dropOldestSignals(keeping limit: Int) {
        while signalOrder.count > limit, let oldest = signalOrder.popLeastRecent() { signals[oldest] = nil }
    }
}
