// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// Notices servers that have taken commands and answer none: long before the commands' own time limits, and before the
/// system notices anything, since the socket of a paused or cut-off server stays open.
final class StallWatch: Sendable {
    /// A server that answers nothing for so long is looked into. It costs a question to another server, no more.
    static let patience = TimeAmount.milliseconds(500)

    private struct State {
        var task: RepeatedTask?
        var seen: [ObjectIdentifier: (finished: Int, since: NIODeadline)] = [:]
        var isEnded = false
    }

    private let state = NIOLockedValueBox(State())

    /// - Parameters:
    ///   - nodes: The servers to watch.
    ///   - report: Called with each that stands still.
    func start(
        on eventLoop: any EventLoop, nodes: @escaping @Sendable () -> [RedisNode],
        report: @escaping @Sendable (RedisNode) -> Void
    ) {
        self.state.withLockedValue { state in
            guard state.task == nil, !state.isEnded else { return }
            state.task = eventLoop.scheduleRepeatedTask(
                initialDelay: Self.patience, delay: Self.patience
            ) { [weak self] _ in
                self?.check(nodes()).forEach(report)
            }
        }
    }

    func check(_ nodes: [RedisNode], now: NIODeadline = .now()) -> [RedisNode] {
        self.state.withLockedValue { state in
            var stalled: [RedisNode] = []
            var seen: [ObjectIdentifier: (finished: Int, since: NIODeadline)] = [:]
            for node in nodes {
                let (finished, pending) = node.shared.progress
                guard pending > 0 else { continue }
                let id = ObjectIdentifier(node.shared)
                if let before = state.seen[id], before.finished == finished {
                    seen[id] = before
                    if now - before.since >= Self.patience { stalled.append(node) }
                } else {
                    seen[id] = (finished, now)
                }
            }
            state.seen = seen
            return stalled
        }
    }

    func stop() {
        self.state.withLockedValue { state in
            state.isEnded = true
            state.task?.cancel()
            state.task = nil
        }
    }
}
