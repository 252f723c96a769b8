// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// Passes what the server notifies on to the streams of this process.
final class WakeHub: Sendable {
    /// Announcements that wait for one slow listener. It is told of a gap if more come.
    private static let announcementLimit = 10_000

    private struct State {
        var listeners: [ProcessID: [Int: AsyncStream<SignalAnnouncement>.Continuation]] = [:]
        var watchers: [RunID: [Int: AsyncStream<Void>.Continuation]] = [:]
        var nextID = 0
        var isEnded = false
    }

    private let state = Mutex(State())

    /// How many streams there are: for tests that nothing stays behind.
    var count: Int {
        state.withLock { state in
            state.listeners.values.reduce(0) { $0 + $1.count } + state.watchers.values.reduce(0) { $0 + $1.count }
        }
    }

    // MARK: Wakes

    /// What ``Schema``'s `acp_notify` sent: a letter for what happened, and to whom.
    func handle(_ payload: String) {
        let words = payload.dropFirst().split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let second = words.count > 1 ? ProcessID(rawValue: String(unescaping: Array(words[1].utf8))) : nil
        switch payload.first {
        case "c": RunID(rawValue: String(payload.dropFirst())).map(runDidChange)
        case "s":
            guard let run = words.first.flatMap({ RunID(rawValue: String($0)) }) else { return }
            announce(.signal(run)) { second?.rawValue.isEmpty != false || $0 == second }
        case "d":
            let leaver = ProcessID(rawValue: String(unescaping: Array(payload.utf8.dropFirst())))
            announce(.departure) { $0 != leaver }
        default: break
        }
    }

    func runDidChange(_ run: RunID) {
        let watchers = state.withLock { $0.watchers[run].map { Array($0.values) } } ?? []
        for watcher in watchers { watcher.yield() }
    }

    /// Notifications may have been lost: everybody is to look.
    func gap() {
        announce(.gap) { _ in true }
        let watchers = state.withLock { $0.watchers.values.flatMap(\.values) }
        for watcher in watchers { watcher.yield() }
    }

    private func announce(_ announcement: SignalAnnouncement, to isMeant: (ProcessID) -> Bool) {
        let listeners = state.withLock { state in state.listeners.filter { isMeant($0.key) }.flatMap(\.value.values) }
        for listener in listeners {
            if case .dropped = listener.yield(announcement) { listener.yield(.gap) }
        }
    }

    // MARK: Streams

    func announcements(to process: ProcessID) -> AsyncStream<SignalAnnouncement> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: SignalAnnouncement.self, bufferingPolicy: .bufferingNewest(Self.announcementLimit))
        let id = state.withLock { state -> Int? in
            guard !state.isEnded else { return nil }
            state.nextID += 1
            state.listeners[process, default: [:]][state.nextID] = continuation
            return state.nextID
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

    func changes(of run: RunID) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state -> Int? in
            guard !state.isEnded else { return nil }
            state.nextID += 1
            state.watchers[run, default: [:]][state.nextID] = continuation
            return state.nextID
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

    /// Ends all streams.
    func end() {
        let (listeners, watchers) = state.withLock { state in
            state.isEnded = true
            return (state.listeners.values.flatMap(\.values), state.watchers.values.flatMap(\.values))
        }
        for listener in listeners { listener.finish() }
        for watcher in watchers { watcher.finish() }
    }
}
