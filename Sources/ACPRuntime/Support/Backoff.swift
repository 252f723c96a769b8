// SPDX-License-Identifier: Apache-2.0

/// The delay before the next attempt: it doubles each time up to a limit, with a random part so that clients which
/// failed together do not try again together.
struct Backoff {
    private var ceiling: Duration
    private let limit: Duration

    init(first: Duration = .milliseconds(50), limit: Duration = .seconds(2)) {
        ceiling = first
        self.limit = limit
    }

    mutating func next() -> Duration {
        defer { ceiling = min(ceiling * 2, limit) }
        return ceiling * Double.random(in: 0.5...1)
    }

    /// Returns the delay after a number of failures: that of the last of as many calls of ``next()``.
    static func delay(after failures: Int) -> Duration {
        var backoff = Backoff()
        for _ in 1..<max(1, min(failures, 16)) { _ = backoff.next() }
        return backoff.next()
    }
}
