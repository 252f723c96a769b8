// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import Synchronization

/// Nudges the streams of a server before they have been silent for longer than an interval: one timer for all of them, so that
/// a stream that waits costs neither a task nor a timer of its own. From the server's shutdown on it nudges all, at short
/// intervals.
///
/// The timer divides the interval into ticks. A stream notes the tick in which it wrote last, and is nudged at the last tick
/// before its silence would exceed the interval.
final class StreamPulse: Sendable {
    /// A stream, as the timer knows it.
    final class Stream: Sendable {
        let nudge = FollowerWake()
        fileprivate let lastTick: Atomic<Int>

        fileprivate init(tick: Int) { lastTick = Atomic(tick) }
    }

    private struct State {
        var streams: [ObjectIdentifier: Stream] = [:]
        var timer: Task<Void, Never>?
        var isClosing = false
    }

    private static let closingInterval = Duration.milliseconds(100)
    /// Into how many ticks the interval is divided.
    let ticksPerInterval: Int
    private let tickLength: Duration
    private let state = Mutex(State())
    private let tickCount = Atomic(0)

    /// - Parameter interval: How long a stream may be silent. An interval of nothing would be a flood, and one of thousands of
    ///   years is beyond what clocks can add: it is brought into bounds.
    init(interval: Duration) {
        let interval = min(max(interval, .milliseconds(1)), .seconds(86_400))
        ticksPerInterval = interval < .milliseconds(8) ? 1 : 8
        tickLength = interval / ticksPerInterval
    }

    /// Whether the server is shutting down.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// For tests.
    var count: Int { state.withLock { $0.streams.count } }

    /// Begins to look after a stream, which counts as having written just now.
    func join() -> Stream {
        let stream = Stream(tick: tickCount.load(ordering: .relaxed))
        state.withLock { state in
            state.streams[ObjectIdentifier(stream)] = stream
            if state.timer == nil { state.timer = timer(state.isClosing ? Self.closingInterval : tickLength) }
        }
        return stream
    }

    func leave(_ stream: Stream) {
        state.withLock { state in
            state.streams[ObjectIdentifier(stream)] = nil
            guard state.streams.isEmpty else { return }
            state.timer?.cancel()
            state.timer = nil
        }
    }

    /// The stream has sent something.
    func wrote(_ stream: Stream) {
        stream.lastTick.store(tickCount.load(ordering: .relaxed), ordering: .relaxed)
    }

    /// Whether the stream has to send something before the next tick.
    func isDue(_ stream: Stream) -> Bool {
        tickCount.load(ordering: .relaxed) - stream.lastTick.load(ordering: .relaxed) >= ticksPerInterval
    }

    /// A part of the interval has passed.
    func tick() {
        tickCount.add(1, ordering: .relaxed)
        let due = state.withLock { state in
            state.isClosing ? Array(state.streams.values) : state.streams.values.filter { isDue($0) }
        }
        for stream in due { stream.nudge.send() }
    }

    /// The server shuts down.
    func close() {
        state.withLock { state in
            guard !state.isClosing else { return }
            state.isClosing = true
            state.timer?.cancel()
            state.timer = state.streams.isEmpty ? nil : timer(Self.closingInterval)
        }
    }

    /// Unstructured because it serves streams that come and go. The last of them cancels it.
    private func timer(_ interval: Duration) -> Task<Void, Never> {
        Task { [weak self] in
            var next = ContinuousClock.now + interval
            while (try? await Task.sleep(until: next, tolerance: .zero)) != nil, let self {
                tick()
                // A tick that comes late does not make the next ones late.
                next = max(next + interval, .now)
            }
        }
    }
}
