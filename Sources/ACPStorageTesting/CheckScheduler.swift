// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Synchronization

/// A readers-writer lock for checks: they run concurrently, except for exclusive checks, which run alone.
///
/// Checks start in the order of their requests, so that others cannot delay an exclusive check indefinitely.
actor CheckScheduler {
    private var running = 0
    private var isExclusive = false
    private var waiting: [(exclusively: Bool, continuation: CheckedContinuation<Void, Never>)] = []

    func enter(exclusively: Bool) async {
        if waiting.isEmpty, canStart(exclusively: exclusively) {
            start(exclusively: exclusively)
        } else {
            await withCheckedContinuation { waiting.append((exclusively, $0)) }
        }
    }

    func leave() {
        running -= 1
        isExclusive = false
        while let next = waiting.first, canStart(exclusively: next.exclusively) {
            waiting.removeFirst()
            start(exclusively: next.exclusively)
            next.continuation.resume()
        }
    }

    private func canStart(exclusively: Bool) -> Bool {
        exclusively ? running == 0 : !isExclusive
    }

    private func start(exclusively: Bool) {
        running += 1
        isExclusive = exclusively
    }
}

/// The storages that a check has opened, which are closed at its end.
final class OpenedStorages: Sendable {
    private let storages = Mutex<[any Storage]>([])

    var all: [any Storage] { storages.withLock { $0 } }

    func add(_ storage: any Storage) { storages.withLock { $0.append(storage) } }
}
