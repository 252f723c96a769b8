// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import Synchronization

/// Nudges all streams of a server at regular intervals: one timer for all of them, so that a stream that waits costs neither a
/// task nor a timer of its own. From the server's shutdown on the intervals are short.
final class StreamPulse: Sendable {
    private struct State {
        var nudges: [ObjectIdentifier: RunEvents.Nudge] = [:]
        var timer: Task<Void, Never>?
        var isClosing = false
    }

    private static let closingInterval = Duration.milliseconds(100)
    private let interval: Duration
    private let state = Mutex(State())

    /// - Parameter interval: How long between two nudges. An interval of nothing would be a flood, and one of thousands of
    ///   years is beyond what clocks can add: it is brought into bounds.
    init(interval: Duration) {
        self.interval = min(max(interval, .milliseconds(1)), .seconds(86_400))
    }

    /// Whether the server is shutting down.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// For tests.
    var count: Int { state.withLock { $0.nudges.count } }

    func add(_ nudge: RunEvents.Nudge) {
        state.withLock { state in
            state.nudges[ObjectIdentifier(nudge)] = nudge
            if state.timer == nil { state.timer = timer(state.isClosing ? Self.closingInterval : interval) }
        }
    }

    func remove(_ nudge: RunEvents.Nudge) {
        state.withLock { state in
            state.nudges[ObjectIdentifier(nudge)] = nil
            guard state.nudges.isEmpty else { return }
            state.timer?.cancel()
            state.timer = nil
        }
    }

    /// The server shuts down.
    func close() {
        state.withLock { state in
            guard !state.isClosing else { return }
            state.isClosing = true
            state.timer?.cancel()
            state.timer = state.nudges.isEmpty ? nil : timer(Self.closingInterval)
        }
    }

    /// Unstructured because it serves streams that come and go. The last of them cancels it.
    private func timer(_ interval: Duration) -> Task<Void, Never> {
        Task { [weak self] in
            while (try? await Task.sleep(for: interval)) != nil, let self {
                for nudge in self.state.withLock({ Array($0.nudges.values) }) { nudge.send() }
            }
        }
    }
}
