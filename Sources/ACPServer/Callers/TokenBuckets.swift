// SPDX-License-Identifier: Apache-2.0

/// A bucket of tokens, of which each request takes one. It is refilled at a constant rate.
struct TokenBucket: Sendable, Equatable {
    private(set) var tokens: Double
    private var time: ContinuousClock.Instant

    /// Creates a full bucket.
    init(burst: Int, at now: ContinuousClock.Instant) {
        tokens = Double(burst)
        time = now
    }

    /// Takes a token.
    ///
    /// - Parameters:
    ///   - rate: How many tokens are added per second.
    ///   - burst: How many tokens the bucket holds.
    /// - Returns: `nil` if there was a token, or else the time until there is one.
    mutating func take(rate: Double, burst: Int, at now: ContinuousClock.Instant) -> Duration? {
        // The clock of another thread may be slightly ahead.
        if now > time {
            tokens = min(Double(burst), tokens + (now - time) / .seconds(1) * rate)
            time = now
        }
        if tokens >= 1 {
            tokens -= 1
            return nil
        }
        return .seconds((1 - tokens) / rate)
    }
}

/// The buckets of many callers, in bounded memory.
///
/// The callers are in two generations. A caller that sends a request belongs to the newer one. When that has half of the
/// maximum, it becomes the older one, and the previous older one is forgotten. So a caller is remembered as long as it is
/// among the last half of the maximum that have sent a request, and each request takes constant time.
struct TokenBuckets<ID: Hashable & Sendable>: Sendable {
    private let rate: Double
    private let burst: Int
    private let generationSize: Int
    private var newer: [ID: TokenBucket] = [:]
    private var older: [ID: TokenBucket] = [:]

    init(rate: Double, burst: Int, maximum: Int) {
        self.rate = rate
        self.burst = burst
        generationSize = max(1, maximum / 2)
    }

    /// The number of remembered callers.
    var count: Int { newer.count + older.count }

    /// Takes a token from the bucket of a caller.
    ///
    /// - Returns: `nil` if there was a token, or else the time until there is one.
    mutating func take(_ id: ID, at now: ContinuousClock.Instant) -> Duration? {
        if newer[id] == nil {
            let bucket = older.removeValue(forKey: id) ?? TokenBucket(burst: burst, at: now)
            if newer.count >= generationSize {
                older = newer
                newer = [:]
            }
            newer[id] = bucket
        }
        return newer[id]?.take(rate: rate, burst: burst, at: now)
    }
}
