// SPDX-License-Identifier: Apache-2.0

/// Listens to what the Sentinels announce.
enum SentinelWatch {
    enum Event: Equatable {
        /// Another server is the master by now.
        case switched(RedisAddress)
        /// An announcement may have been missed.
        case gap
    }

    private static let channel = "+switch-master"

    /// Listens to all of them until the task is cancelled: each may be the one that is alive.
    static func run(
        _ hubs: [PubSubHub], masterName: String, _ report: @escaping @Sendable (Event) -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            for hub in hubs { group.addTask { await self.listen(hub, masterName, report) } }
        }
    }

    private static func listen(
        _ hub: PubSubHub, _ masterName: String, _ report: @Sendable (Event) -> Void
    ) async {
        var pause = Duration.milliseconds(250)
        while !Task.isCancelled {
            do {
                let subscription = try await hub.subscribe(.channel, to: [Self.channel], timeout: .seconds(5))
                pause = .milliseconds(250)
                for try await event in subscription {
                    switch event {
                    case .gap: report(.gap)
                    case .message(let message):
                        if let address = SentinelReport.announced(message.text, for: masterName) {
                            report(.switched(address))
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
