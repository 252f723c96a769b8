// SPDX-License-Identifier: Apache-2.0

/// Listens to what the Sentinels announce.
enum SentinelWatch {
    enum Event: Equatable {
        /// Another server is the master by now, or is about to be, according to this Sentinel.
        case failedOver(by: RedisAddress)
        /// An announcement may have been missed.
        case gap
    }

    /// The second one comes earlier, from the Sentinel that leads the failover: the replica takes writes, and what the
    /// old master still takes will be lost.
    private static let channels = ["+switch-master", "+promoted-slave"]

    /// Listens to all of them until the task is cancelled: each may be the one that is alive.
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
                // Down, or not for this user. The lookups do without; here it is tried again at leisure.
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(10))
        }
    }
}
