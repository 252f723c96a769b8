// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import HTTPTestSupport

extension ScriptedServer {
    /// Serves while the body runs, which receives a client.
    func serve<Result: Sendable>(
        configuration: ACPClient.Configuration = .quick,
        _ body: @escaping @Sendable (ACPClient) async throws -> Result
    ) async throws -> Result {
        try await serveAtURL { url in
            let client = try ACPClient(url, configuration: configuration)
            do {
                let result = try await body(client)
                try await client.close()
                return result
            } catch {
                try await client.close()
                throw error
            }
        }
    }
}

extension ScriptedServer.Seen {
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try ACPJSON.decode(type, from: body) }
}

extension ACPClient.Configuration {
    /// Reconnects without the pauses that would only slow tests down.
    static var quick: Self {
        Self(reconnection: .init(initialDelay: .milliseconds(1), maximumDelay: .milliseconds(4)))
    }
}
