// SPDX-License-Identifier: Apache-2.0

/// How long to wait before the next try: twice as long each time up to a limit, with a random part so that many who failed
/// together do not come back together.
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

    /// How long to wait after a number of failures: as long as the last of as many calls of ``next()``.
    static func delay(after failures: Int) -> Duration {
        var backoff = Backoff()
        for _ in 1..<max(1, min(failures, 16)) { _ = backoff.next() }
        return backoff.next()
    }
}
