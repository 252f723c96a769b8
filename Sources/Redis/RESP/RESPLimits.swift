// SPDX-License-Identifier: Apache-2.0

/// How much a decoder accepts before it treats the stream as broken. The defaults allow all that a Redis server with
/// default settings can send and protect against a peer that is none.
public struct RESPLimits: Hashable, Sendable {
    /// The longest string in bytes. Default: 512 MiB, the limit of Redis itself.
    public var maxBulkLength: Int
    /// The most elements in one aggregate; a map entry counts once. Default: 16,777,216.
    public var maxAggregateCount: Int
    /// How deeply aggregates may nest. Default: 128.
    public var maxDepth: Int
    /// The longest line (simple string, error, number or length) in bytes. Default: 64 KiB.
    public var maxLineLength: Int
    /// The most bytes of one whole message. Default: 1 GiB.
    public var maxMessageLength: Int

    /// Makes limits; see the properties for the defaults.
    public init(
        maxBulkLength: Int = 512 << 20,
        maxAggregateCount: Int = 1 << 24,
        maxDepth: Int = 128,
        maxLineLength: Int = 64 << 10,
        maxMessageLength: Int = 1 << 30
    ) {
        self.maxBulkLength = maxBulkLength
        self.maxAggregateCount = maxAggregateCount
        self.maxDepth = maxDepth
        self.maxLineLength = maxLineLength
        self.maxMessageLength = maxMessageLength
    }
}
