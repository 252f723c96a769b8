// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// A registry of the streams in one process that wait for changes of runs, and for announcements to processes.
///
/// A ``Coordination`` returns the streams, and calls ``runDidChange(_:)`` and ``announce(_:to:)`` for events in this
/// process and for those of other processes that it is notified of. An announcement carries no data: a watcher that is
/// woken reads the storage. A stream is removed when its reader ends.
public final class WatchRegistry: Sendable {
    private struct State {
        var listeners: [ProcessID: [Int: AsyncStream<SignalAnnouncement>.Continuation]] = [:]
        var watchers: [RunID: [Int: AsyncStream<Void>.Continuation]] = [:]
        var nextID = 0
        var isEnded = false

        mutating func newID() -> Int {
            nextID += 1
            return nextID
        }
    }

    private let state = Mutex(State())

    /// Creates a registry without streams.
    public init() {}

    /// The number of streams that wait for changes of runs.
    package var watcherCount: Int { state.withLock { $0.watchers.values.reduce(0) { $0 + $1.count } } }

    /// The number of streams that wait for announcements.
    package var listenerCount: Int { state.withLock { $0.listeners.values.reduce(0) { $0 + $1.count } } }

    /// The numbers of processes and of runs with streams, for tests that no stream is left behind.
    var listeningProcesses: Int { state.withLock { $0.listeners.count } }
    var watchedRuns: Int { state.withLock { $0.watchers.count } }

    // MARK: Streams

    /// Returns a stream that wakes its reader after each change of a run. Wakes that arrive while the reader is busy
    /// are merged.
    public func changes(of run: RunID) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state -> Int? in
            guard !state.isEnded else { return nil }
            let id = state.newID()
            state.watchers[run, default: [:]][id] = continuation
            return id
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.watchers[run]?[id] = nil
                if state.watchers[run]?.isEmpty == true { state.watchers[run] = nil }
            }
        }
        return stream
    }

    /// Returns a stream of the announcements to a process.
    public func announcements(to process: ProcessID) -> AsyncStream<SignalAnnouncement> {
        let (stream, continuation) = AsyncStream.makeAnnouncements()
        let id = state.withLock { state -> Int? in
            guard !state.isEnded else { return nil }
            let id = state.newID()
            state.listeners[process, default: [:]][id] = continuation
            return id
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.listeners[process]?[id] = nil
                if state.listeners[process]?.isEmpty == true { state.listeners[process] = nil }
            }
        }
        return stream
    }

    // MARK: Wakes

    /// Wakes the watchers of a run.
    public func runDidChange(_ run: RunID) {
        let watchers = state.withLock { $0.watchers[run].map { Array($0.values) } }
        guard let watchers else { return }
        for watcher in watchers { watcher.yield() }
    }

    /// Wakes the watchers of several runs.
    public func runsDidChange(_ runs: some Sequence<RunID>) {
        let watchers = state.withLock { state in
            state.watchers.isEmpty ? [] : runs.flatMap { state.watchers[$0].map { Array($0.values) } ?? [] }
        }
        for watcher in watchers { watcher.yield() }
    }

    /// Sends an announcement to processes.
    ///
    /// - Parameters:
    ///   - announcement: The announcement.
    ///   - isIncluded: Returns whether a process receives the announcement. Defaults to all processes.
    public func announce(_ announcement: SignalAnnouncement, to isIncluded: (ProcessID) -> Bool = { _ in true }) {
        let processes = state.withLock { Array($0.listeners.keys) }.filter(isIncluded)
        let listeners = state.withLock { state in
            processes.flatMap { state.listeners[$0].map { Array($0.values) } ?? [] }
        }
        for listener in listeners { listener.announce(announcement) }
    }

    /// Wakes the readers of all streams, because changes and announcements may have been lost.
    public func announceGap() {
        announce(.gap)
        let watchers = state.withLock { $0.watchers.values.flatMap(\.values) }
        for watcher in watchers { watcher.yield() }
    }

    /// Ends all streams. Streams that are requested later end immediately.
    public func end() {
        let (listeners, watchers) = state.withLock { state in
            state.isEnded = true
            return (state.listeners.values.flatMap(\.values), state.watchers.values.flatMap(\.values))
        }
        for listener in listeners { listener.finish() }
        for watcher in watchers { watcher.finish() }
    }
}

extension AsyncStream<SignalAnnouncement> {
    /// The maximum number of announcements in the buffer of one slow listener. Further ones are replaced by a gap.
    private static let limit = 10_000

    /// Creates a stream of announcements with a bounded buffer, for use with ``AsyncStream/Continuation/announce(_:)``.
    package static func makeAnnouncements() -> (stream: Self, continuation: Continuation) {
        makeStream(of: SignalAnnouncement.self, bufferingPolicy: .bufferingNewest(limit))
    }
}

extension AsyncStream<SignalAnnouncement>.Continuation {
    /// Sends an announcement to one listener. If the buffer is full, the oldest announcement is dropped and replaced by
    /// a gap.
    package func announce(_ announcement: SignalAnnouncement) {
        if case .dropped = yield(announcement) { yield(.gap) }
    }
}
