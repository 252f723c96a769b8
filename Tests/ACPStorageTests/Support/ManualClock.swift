// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Time that passes when a test says so.
final class ManualClock: Sendable {
    private let time = Mutex(ContinuousClock.now)

    var now: @Sendable () -> ContinuousClock.Instant {
        { self.time.withLock { $0 } }
    }

    func advance(by duration: Duration) {
        time.withLock { $0 += duration }
    }
}
