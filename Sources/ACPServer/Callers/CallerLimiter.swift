// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts the requests and the open streams of callers.
final class CallerLimiter: Sendable {
    /// An open stream. It is closed by ``close()``, and at the latest when it is deallocated.
    final class Stream: Sendable {
        private let limiter: CallerLimiter
        private let caller: Caller
        private let isOpen = Atomic(true)

        fileprivate init(_ limiter: CallerLimiter, _ caller: Caller) {
            self.limiter = limiter
            self.caller = caller
        }

        deinit { close() }

        func close() {
            if isOpen.exchange(false, ordering: .relaxed) { limiter.close(caller) }
        }
    }

    private let limits: CallerLimits
    private let now: @Sendable () -> ContinuousClock.Instant
    /// `nil` if requests are not limited.
    private let buckets: Mutex<TokenBuckets<Caller>?>
    private let streams = Mutex<[Caller: Int]>([:])

    init(_ limits: CallerLimits, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.limits = limits
        self.now = now
        buckets = Mutex(
            limits.requestsPerSecond.map {
                TokenBuckets(rate: $0, burst: limits.requestBurst, maximum: limits.maximumCallers)
            })
    }

    /// Counts a request.
    ///
    /// - Returns: `nil` if the request is accepted, or else the time after which another one is.
    func take(_ caller: Caller) -> Duration? {
        let now = now()
        return buckets.withLock { $0?.take(caller, at: now) }
    }

    /// Whether a caller may open another stream.
    func hasRoom(_ caller: Caller) -> Bool {
        guard let maximum = limits.maximumStreams else { return true }
        return streams.withLock { $0[caller, default: 0] < maximum }
    }

    /// Counts a stream.
    ///
    /// - Returns: The stream, or `nil` if the caller has the maximum of streams.
    func open(_ caller: Caller) -> Stream? {
        let isOpen = streams.withLock { streams in
            guard streams[caller, default: 0] < limits.maximumStreams ?? .max else { return false }
            streams[caller, default: 0] += 1
            return true
        }
        return isOpen ? Stream(self, caller) : nil
    }

    private func close(_ caller: Caller) {
        streams.withLock { streams in
            let count = (streams[caller] ?? 1) - 1
            streams[caller] = count > 0 ? count : nil
        }
    }

    /// The number of callers with open streams.
    var streamingCallers: Int { streams.withLock { $0.count } }
}
