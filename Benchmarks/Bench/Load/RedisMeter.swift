// SPDX-License-Identifier: Apache-2.0

import Redis

/// Reads the number of bytes that a Redis server received.
struct RedisMeter {
    private let client: RedisClient

    init(_ backing: Backing) throws { client = try RedisClient(url: backing.form) }

    /// All bytes since the server's start. The query itself takes some forty.
    func bytes() async throws -> Int {
        let text = try await client.send(RedisCommand("INFO", "stats")).string ?? ""
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("total_net_input_bytes:") {
            if let bytes = Int(line.dropFirst("total_net_input_bytes:".count)) { return bytes }
        }
        throw BenchError("Redis did not report how many bytes it received")
    }

    func close() async { await client.close() }
}
