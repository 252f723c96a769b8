// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// Detects servers that do not reply to commands, long before the time limits of the commands. The operating system
/// does not detect them, because the socket of a paused or unreachable server stays open.
final class StallDetector: Sendable {
    /// How long a server may be without replies before it is reported. A report only causes a query to another server.
    static let threshold = TimeAmount.milliseconds(500)

    private struct State {
        var task: RepeatedTask?
        var seen: [ObjectIdentifier: (finished: Int, since: NIODeadline)] = [:]
        var isEnded = false
    }

    private let state = NIOLockedValueBox(State())

    /// Starts watching servers.
    ///
    /// - Parameters:
    ///   - nodes: Returns the servers to watch.
    ///   - report: Called for each server that does not reply.
    func start(
        on eventLoop: any EventLoop, nodes: @escaping @Sendable () -> [RedisNode],
        report: @escaping @Sendable (RedisNode) -> Void
    ) {
        self.state.withLockedValue { state in
            guard state.task == nil, !state.isEnded else { return }
            state.task = eventLoop.scheduleRepeatedTask(
                initialDelay: Self.threshold, delay: Self.threshold
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
                    if now - before.since >= Self.threshold { stalled.append(node) }
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
