// SPDX-License-Identifier: Apache-2.0

/// Listens to the announcements of the Sentinels.
enum SentinelListener {
    enum Event: Equatable {
        /// A failover is complete or in progress, according to this Sentinel.
        case failedOver(by: RedisAddress)
        /// Announcements may have been missed.
        case gap
    }

    /// `+promoted-slave` is published earlier, by the Sentinel that leads the failover: the replica accepts writes, and
    /// further writes to the old master will be lost.
    private static let channels = ["+switch-master", "+promoted-slave"]

    /// Listens to all Sentinels until the task is cancelled, because any of them may be the one that is reachable.
    static func run(
        _ hubs: [(address: RedisAddress, hub: SubscriptionHub)], masterName: String,
        _ report: @escaping @Sendable (Event) -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            for (address, hub) in hubs { group.addTask { await listen(hub, address, masterName, report) } }
        }
    }

    private static func listen(
        _ hub: SubscriptionHub, _ address: RedisAddress, _ masterName: String, _ report: @Sendable (Event) -> Void
    ) async {
        var pause = Duration.milliseconds(250)
        while !Task.isCancelled {
            do {
                let subscription = try await hub.subscribe(.channel, to: Self.channels, timeout: .seconds(5))
                pause = .milliseconds(250)
                for try await event in subscription {
                    switch event {
                    case .gap: report(.gap)
                    case .message(let message):
                        if SentinelReport.isAnnouncement(message.text, of: masterName) {
                            report(.failedOver(by: address))
                        }
                    }
                }
            } catch {
                // The Sentinel is unreachable or denies access. Lookups do not depend on it, so the next attempt can
                // wait.
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(10))
        }
    }
}
