// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A clock that stands still until it is set.
final class ManualClock: Sendable {
    private let time = Mutex(ContinuousClock.now)

    var now: @Sendable () -> ContinuousClock.Instant {
        { self.time.withLock { $0 } }
    }

    func set(_ time: ContinuousClock.Instant) {
        self.time.withLock { $0 = time }
    }
}
