// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import Metrics
import Synchronization

/// Wakes the event streams of a server before they have been silent for longer than an interval.
///
/// One timer serves all streams, so that a waiting stream needs neither a task nor a timer of its own. Once the server
/// shuts down, it wakes all streams at short intervals.
///
/// The timer divides the interval into ticks. A stream records the tick of its last write, and is woken at the last
/// tick before its silence would exceed the interval.
package final class KeepAliveTimer: Sendable {
    /// A registered stream.
    final class Stream: Sendable {
        let wake = FollowerWake()
        fileprivate let lastTick: Atomic<Int>

        fileprivate init(tick: Int) { lastTick = Atomic(tick) }
    }

    private struct State {
        var streams: [ObjectIdentifier: Stream] = [:]
        var timer: Task<Void, Never>?
        var isClosing = false
    }

    private static let closingInterval = Duration.milliseconds(100)
    /// The number of ticks in an interval.
    let ticksPerInterval: Int
    private let tickLength: Duration
    private let state = Mutex(State())
    private let tickCount = Atomic(0)
    private let streamCount: Meter?

    /// - Parameters:
    ///   - interval: How long a stream may be silent. It is limited to the range from 1 millisecond to 1 day: shorter
    ///     intervals would flood clients, and much longer ones exceed the range of clocks.
    ///   - streamCount: Receives the number of registered streams. Defaults to none.
    init(interval: Duration, streamCount: Meter? = nil) {
        self.streamCount = streamCount
        let interval = min(max(interval, .milliseconds(1)), .seconds(86_400))
        ticksPerInterval = interval < .milliseconds(8) ? 1 : 8
        tickLength = interval / ticksPerInterval
    }

    /// Whether the server is shutting down.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// The number of registered streams, for tests.
    var count: Int { state.withLock { $0.streams.count } }

    /// Registers a stream. The time of its last write is now.
    func add() -> Stream {
        let stream = Stream(tick: tickCount.load(ordering: .relaxed))
        state.withLock { state in
            state.streams[ObjectIdentifier(stream)] = stream
            if state.timer == nil { state.timer = timer(state.isClosing ? Self.closingInterval : tickLength) }
        }
        streamCount?.increment()
        return stream
    }

    /// Removes a stream. The timer stops when no stream is left.
    func remove(_ stream: Stream) {
        streamCount?.decrement()
        state.withLock { state in
            state.streams[ObjectIdentifier(stream)] = nil
            guard state.streams.isEmpty else { return }
            state.timer?.cancel()
            state.timer = nil
        }
    }

    /// Records that a stream has sent something.
    func wrote(_ stream: Stream) {
        stream.lastTick.store(tickCount.load(ordering: .relaxed), ordering: .relaxed)
    }

    /// Whether a stream must send something before the next tick.
    func isDue(_ stream: Stream) -> Bool {
        tickCount.load(ordering: .relaxed) - stream.lastTick.load(ordering: .relaxed) >= ticksPerInterval
    }

    /// Advances the timer by one tick and wakes the streams that are due.
    func tick() {
        tickCount.add(1, ordering: .relaxed)
        let due = state.withLock { state in
            state.isClosing ? Array(state.streams.values) : state.streams.values.filter { isDue($0) }
        }
        for stream in due { stream.wake.send() }
    }

    /// Wakes all streams at short intervals from now on, because the server shuts down.
    func close() {
        state.withLock { state in
            guard !state.isClosing else { return }
            state.isClosing = true
            state.timer?.cancel()
            state.timer = state.streams.isEmpty ? nil : timer(Self.closingInterval)
        }
    }

    /// Returns the task of the timer. It is unstructured because streams are added and removed at any time. Removing
    /// the last stream cancels it.
    private func timer(_ interval: Duration) -> Task<Void, Never> {
        Task { [weak self] in
            var next = ContinuousClock.now + interval
            while (try? await Task.sleep(until: next, tolerance: .zero)) != nil, let self {
                tick()
                // A late tick does not delay the next ones.
                next = max(next + interval, .now)
            }
        }
    }
}
