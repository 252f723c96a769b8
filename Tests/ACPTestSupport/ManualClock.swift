// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A clock that moves only when a test moves it.
public final class ManualClock: Sendable {
    private let time = Mutex(ContinuousClock.now)

    /// Creates a clock at the current time.
    public init() {}

    /// Returns the clock's time.
    public var now: @Sendable () -> ContinuousClock.Instant {
        { self.time.withLock { $0 } }
    }

    /// Moves the clock forward.
    public func advance(by duration: Duration) {
        time.withLock { $0 += duration }
    }

    /// Sets the clock to a time.
    public func set(_ time: ContinuousClock.Instant) {
        self.time.withLock { $0 = time }
    }
}
