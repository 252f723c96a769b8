// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A clock that stands still until a test moves it.
public final class ManualClock: Sendable {
    private let time = Mutex(ContinuousClock.now)

    /// Makes a clock that stands at the present.
    public init() {}

    /// Returns the clock's time.
    public var now: @Sendable () -> ContinuousClock.Instant {
        { self.time.withLock { $0 } }
    }

    /// Moves the clock forward.
    public func advance(by duration: Duration) {
        time.withLock { $0 += duration }
    }

    /// Moves the clock to a time.
    public func set(_ time: ContinuousClock.Instant) {
        self.time.withLock { $0 = time }
    }
}
