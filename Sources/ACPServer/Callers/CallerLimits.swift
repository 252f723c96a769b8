// SPDX-License-Identifier: Apache-2.0

/// Limits of each caller of an ``ACPServer``, which keep one of them from using up what all share.
///
/// A caller is a principal, a verified client certificate or an accepted credential, or else an address: that of the
/// connection, or that which ``ServerConfiguration/trustedProxies`` report. IPv6 addresses with the same 64 bits at their beginning are
/// one caller. Health checks are not limited.
///
/// All limits are off by default, because behind a proxy that is not one of the trusted ones, all callers have the
/// proxy's address.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.callers = CallerLimits(requestsPerSecond: 20, maximumStreams: 50)
/// ```
public struct CallerLimits: Sendable, Hashable {
    /// How many requests of a caller are accepted per second in the long run. Further ones are rejected with 429 and
    /// `Retry-After`. If `nil`, which is the default, requests are not limited.
    ///
    /// 20 suits a small machine.
    public var requestsPerSecond: Double?
    /// How many requests a caller may send at once, after it has sent none for a while. Defaults to 100.
    public var requestBurst: Int
    /// How many streams a caller may have open at the same time. Further ones are rejected with 429. If `nil`, which is
    /// the default, only ``ConnectionConfiguration/maximumCount`` limits them.
    ///
    /// 50 suits a small machine.
    public var maximumStreams: Int?
    /// How many bytes of events a stream may send. It ends after the batch of events with which it exceeds them, so that
    /// its client reconnects for the rest (`Last-Event-ID`). A batch has at most 256 KiB, or a single event. If `nil`,
    /// which is the default, streams are not limited.
    public var maximumStreamBytes: Int?
    /// How many callers are remembered for ``requestsPerSecond``, with about 100 bytes each. The callers that have sent
    /// nothing for the longest time are forgotten first. Defaults to 10,000.
    public var maximumCallers: Int

    /// Creates limits. The parameters have the defaults that the properties document.
    public init(
        requestsPerSecond: Double? = nil,
        requestBurst: Int = 100,
        maximumStreams: Int? = nil,
        maximumStreamBytes: Int? = nil,
        maximumCallers: Int = 10_000
    ) {
        self.requestsPerSecond = requestsPerSecond
        self.requestBurst = requestBurst
        self.maximumStreams = maximumStreams
        self.maximumStreamBytes = maximumStreamBytes
        self.maximumCallers = maximumCallers
    }

    /// - Throws: ``ServerError`` with code `invalidConfiguration`.
    func validate() throws(ServerError) {
        if let rate = requestsPerSecond, !(rate >= 0.001 && rate <= 1_000_000) {
            throw .invalidConfiguration("callers.requestsPerSecond is \(rate): it must be from 0.001 to 1,000,000")
        }
        for (name, number) in [
            ("requestBurst", requestBurst), ("maximumStreams", maximumStreams ?? 1),
            ("maximumStreamBytes", maximumStreamBytes ?? 1), ("maximumCallers", maximumCallers),
        ] where number < 1 {
            throw .invalidConfiguration("callers.\(name) is \(number): it must be at least 1")
        }
    }

    /// Whether requests or streams of callers are counted.
    var countsCallers: Bool { requestsPerSecond != nil || maximumStreams != nil }
}
