// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

@Suite("A master behind Sentinels", .serialized, .timeLimit(.minutes(5)))
struct SentinelTests {
    @Test("the master is found, commands and subscriptions work, and the client goes on after SIGKILL of the master")
    func failover() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        try await withClient(setup.url, { $0.commandTimeout = .seconds(20) }) { client in
            try await client.set("greeting", "hello")
            let subscription = try await client.subscribe(to: ["news"])
            let old = try #require(try await setup.master())
            #expect(try await old.send("GET", "greeting").string == "hello")
            try await old.kill()
            // Declared safe to repeat, so that it survives also if it was under way just then.
            async let written = client.send(RedisCommand.set("greeting", "again").idempotent.timeout(.seconds(40)))
            let new = try await setup.waitForFailover(from: old)
            _ = try await written
            #expect(try await new.send("GET", "greeting").string == "again")
            // The subscription comes along, and says that something may be missing.
            var events = subscription.makeAsyncIterator()
            #expect(try await events.next() == .gap)
            try await client.publish("extra", to: "news")
            guard case .message(let message)? = try await events.next() else {
                Issue.record("no message")
                return
            }
            #expect(message.text == "extra")
            // The old master comes back, becomes a replica, and is never written to.
            try await old.restart()
            try await setup.waitUntilReplica(old)
            let before = try await Self.writes(old)
            for number in 0..<50 { try await client.set("n", "\(number)") }
            #expect(try await Self.writes(old) == before)
        }
    }

    /// How many writes of clients a server has refused or executed; what comes from its master is none.
    private static func writes(_ server: RedisTestServer) async throws -> [Substring] {
        let text = try await server.send("CLIENT", "LIST", "TYPE", "normal").string ?? ""
        return text.split(whereSeparator: \.isNewline).filter {
            !$0.contains("cmd=client") && !$0.contains("name=sentinel")
        }
    }
}
