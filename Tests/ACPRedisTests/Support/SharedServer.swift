// SPDX-License-Identifier: Apache-2.0

import Redis
import RedisTestSupport

/// A server that is started by the first test that uses it, for tests that leave it intact.
actor SharedServer {
    private var starting: Task<RedisTestServer, any Error>?

    var server: RedisTestServer {
        get async throws {
            // Concurrent tests receive the same server. The task ends when the server has started; the server ends with
            // the test process.
            let task = starting ?? Task { try await RedisTestServer.start() }
            starting = task
            return try await task.value
        }
    }

    var url: String {
        get async throws { try await server.url }
    }
}

/// Runs a step with a client of its own.
func withClient<Value>(_ url: String, _ body: (RedisClient) async throws -> Value) async throws -> Value {
    let client = try RedisClient(url: url)
    do {
        let value = try await body(client)
        await client.close()
        return value
    } catch {
        await client.close()
        throw error
    }
}
