// SPDX-License-Identifier: Apache-2.0

/// The limits beyond which a decoder rejects a stream.
///
/// The default values accept everything that a Redis server with default settings can send, and protect against peers
/// that are not Redis servers.
public struct RESPLimits: Hashable, Sendable {
    /// The maximum length of a string in bytes. Defaults to 512 MiB, the limit of Redis.
    public var maxBulkLength: Int
    /// The maximum number of elements of an aggregate, where a map entry counts once. Defaults to 16,777,216.
    public var maxAggregateCount: Int
    /// The maximum depth of nested aggregates. Defaults to 128.
    public var maxDepth: Int
    /// The maximum length of a line (simple string, error, number or length) in bytes. Defaults to 64 KiB.
    public var maxLineLength: Int
    /// The maximum length of a message in bytes. Defaults to 1 GiB.
    public var maxMessageLength: Int

    /// Creates limits. The properties document the default values.
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
