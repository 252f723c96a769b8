// SPDX-License-Identifier: Apache-2.0

import Redis
import RedisTestSupport
import Testing

/// Calls a closure with a client, and closes the client.
@discardableResult
func withClient<Value>(
    _ url: String,
    _ configure: (inout RedisConfiguration) -> Void = { _ in },
    _ body: (RedisClient) async throws -> Value
) async throws -> Value {
    var configuration = try RedisConfiguration(url: url)
    configure(&configuration)
    let client = try RedisClient(configuration)
    do {
        let value = try await body(client)
        await client.close()
        return value
    } catch {
        await client.close()
        throw error
    }
}

/// Calls a closure with a server and a client, and ends both.
@discardableResult
func withServer<Value>(
    _ options: (inout RedisTestServer.Options) -> Void = { _ in },
    _ configure: (inout RedisConfiguration) -> Void = { _ in },
    _ body: (RedisTestServer, RedisClient) async throws -> Value
) async throws -> Value {
    let server = try await RedisTestServer.start(options)
    defer { server.stop() }
    return try await withClient(server.url, configure) { client in try await body(server, client) }
}

/// Returns the error that a closure throws.
func redisError(_ body: () async throws -> some Any) async -> RedisError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? RedisError
    }
}
