// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Synchronization

/// Lets checks run beside each other, and exclusive ones alone. First come, first served, so that an exclusive one is
/// not kept waiting by a stream of others.
actor Gate {
    private var running = 0
    private var isTakenExclusively = false
    private var waiting: [(exclusively: Bool, continuation: CheckedContinuation<Void, Never>)] = []

    func enter(exclusively: Bool) async {
        if waiting.isEmpty, isOpen(exclusively: exclusively) {
            admit(exclusively: exclusively)
        } else {
            await withCheckedContinuation { waiting.append((exclusively, $0)) }
        }
    }

    func leave() {
        running -= 1
        isTakenExclusively = false
        while let next = waiting.first, isOpen(exclusively: next.exclusively) {
            waiting.removeFirst()
            admit(exclusively: next.exclusively)
            next.continuation.resume()
        }
    }

    private func isOpen(exclusively: Bool) -> Bool {
        exclusively ? running == 0 : !isTakenExclusively
    }

    private func admit(exclusively: Bool) {
        running += 1
        isTakenExclusively = exclusively
    }
}

/// What a check has opened and somebody has to close.
final class OpenedStorages: Sendable {
    private let storages = Mutex<[any Storage]>([])

    var all: [any Storage] { storages.withLock { $0 } }

    func add(_ storage: any Storage) { storages.withLock { $0.append(storage) } }
}
