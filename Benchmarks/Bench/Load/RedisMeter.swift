// SPDX-License-Identifier: Apache-2.0

import Redis

/// Reads how many bytes a Redis server was sent.
struct RedisMeter {
    private let client: RedisClient

    init(_ backing: Backing) throws { client = try RedisClient(url: backing.form) }

    /// All bytes since the server's start. Asking costs some forty itself.
    func bytes() async throws -> Int {
        let text = try await client.send(RedisCommand("INFO", "stats")).string ?? ""
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("total_net_input_bytes:") {
            if let bytes = Int(line.dropFirst("total_net_input_bytes:".count)) { return bytes }
        }
        throw BenchError("Redis did not tell how many bytes it was sent")
    }

    func close() async { await client.close() }
}
