// SPDX-License-Identifier: Apache-2.0

public import Redis

extension RedisTestServer {
    /// How to reach the server directly, whatever it is part of.
    public func configuration(_ credentials: RedisCredentials? = nil) -> RedisConfiguration {
        var configuration = RedisConfiguration(
            address: .tcp(host: "127.0.0.1", port: port), credentials: credentials)
        configuration.commandTimeout = .seconds(5)
        if let certificates {
            configuration.tls = RedisTLSConfiguration(certificateAuthorities: .file(certificates.authority))
        }
        return configuration
    }

    /// Sends a command to this very server.
    @discardableResult
    public func send(
        _ words: String..., credentials: RedisCredentials? = nil
    ) async throws -> RESPValue {
        try await send(words: words, credentials: credentials)
    }

    /// Sends a command to this very server.
    @discardableResult
    public func send(words: [String], credentials: RedisCredentials? = nil) async throws -> RESPValue {
        let client = try RedisClient(configuration(credentials))
        do {
            let reply = try await client.send(
                RedisCommand(words[0], arguments: words.dropFirst().map { RedisArgument($0) }))
            await client.close()
            return reply
        } catch {
            await client.close()
            throw error
        }
    }

    /// `master` or `slave`, or nil if the server does not answer.
    public func role(credentials: RedisCredentials? = nil) async -> String? {
        guard isRunning else { return nil }
        return try? await send("ROLE", credentials: credentials).array?.first?.string
    }
}
