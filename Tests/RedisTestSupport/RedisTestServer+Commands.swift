// SPDX-License-Identifier: Apache-2.0

public import Redis

extension RedisTestServer {
    /// Returns a configuration for the server itself, even if it belongs to a cluster or is monitored by Sentinels.
    public func configuration(_ credentials: RedisCredentials? = nil) -> RedisConfiguration {
        var configuration = RedisConfiguration(
            address: .tcp(host: "127.0.0.1", port: port), credentials: credentials)
        configuration.commandTimeout = .seconds(5)
        if let certificates {
            configuration.tls = RedisTLSConfiguration(certificateAuthorities: .file(certificates.authority))
        }
        return configuration
    }

    /// Sends a command to this server and returns its reply.
    @discardableResult
    public func send(
        _ words: String..., credentials: RedisCredentials? = nil
    ) async throws -> RESPValue {
        try await send(words: words, credentials: credentials)
    }

    /// Sends a command to this server and returns its reply.
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

    /// Returns `master` or `slave`, or `nil` if the server does not respond.
    public func role(credentials: RedisCredentials? = nil) async -> String? {
        guard isRunning else { return nil }
        return try? await send("ROLE", credentials: credentials).array?.first?.string
    }
}
