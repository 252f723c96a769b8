// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// The streams of one process that wait for changes of runs, and for announcements to processes.
///
/// A ``Coordination`` returns the streams, and calls ``runDidChange(_:)`` and ``announce(_:to:)`` when something has happened, here
/// or, as far as it hears of it, in another process. An announcement carries no data: a watcher that is woken reads the storage. Streams that
/// nobody reads any more leave by themselves.
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

    /// How many streams wait for changes of runs.
    public var watcherCount: Int { state.withLock { $0.watchers.values.reduce(0) { $0 + $1.count } } }

    /// How many streams wait for announcements.
    public var listenerCount: Int { state.withLock { $0.listeners.values.reduce(0) { $0 + $1.count } } }

    /// How many processes and runs there are streams for: for tests that nothing stays behind.
    var listeningProcesses: Int { state.withLock { $0.listeners.count } }
    var watchedRuns: Int { state.withLock { $0.watchers.count } }

    // MARK: Streams

    /// Returns a stream that is woken after each change of a run. Wakes that come while the reader is busy are merged into one.
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

    /// Returns a stream of what is announced to a process.
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

    /// Wakes the watchers of these runs.
    public func runsDidChange(_ runs: some Sequence<RunID>) {
        let watchers = state.withLock { state in
            state.watchers.isEmpty ? [] : runs.flatMap { state.watchers[$0].map { Array($0.values) } ?? [] }
        }
        for watcher in watchers { watcher.yield() }
    }

    /// Announces something to processes.
    ///
    /// - Parameters:
    ///   - announcement: What has happened.
    ///   - isMeant: Whether a process is to be told.
    public func announce(_ announcement: SignalAnnouncement, to isMeant: (ProcessID) -> Bool = { _ in true }) {
        let processes = state.withLock { Array($0.listeners.keys) }.filter(isMeant)
        let listeners = state.withLock { state in
            processes.flatMap { state.listeners[$0].map { Array($0.values) } ?? [] }
        }
        for listener in listeners { listener.announce(announcement) }
    }

    /// Wakes all streams, because changes and announcements may have been lost.
    public func gap() {
        announce(.gap)
        let watchers = state.withLock { $0.watchers.values.flatMap(\.values) }
        for watcher in watchers { watcher.yield() }
    }

    /// Ends all streams, and those that are asked for later.
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
    /// Announcements that wait for one slow listener. It is told of a gap if more come.
    private static let limit = 10_000

    /// Makes a stream of announcements whose buffer is bounded. For use with ``AsyncStream/Continuation/announce(_:)``.
    public static func makeAnnouncements() -> (stream: Self, continuation: Continuation) {
        makeStream(of: SignalAnnouncement.self, bufferingPolicy: .bufferingNewest(limit))
    }
}

extension AsyncStream<SignalAnnouncement>.Continuation {
    /// Announces something to one listener. If others wait for it already, too many, the oldest is dropped, and the listener is told of
    /// a gap.
    public func announce(_ announcement: SignalAnnouncement) {
        if case .dropped = yield(announcement) { yield(.gap) }
    }
}
