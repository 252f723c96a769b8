// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

@Suite("Sentinel", .serialized, .timeLimit(.minutes(5)))
struct SentinelTests {
    @Test("The master is found, commands and subscriptions work, and the client continues after SIGKILL of the master")
    func failover() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        try await withClient(setup.url, { $0.commandTimeout = .seconds(20) }) { client in
            try await client.set("greeting", "hello")
            let subscription = try await client.subscribe(to: ["news"])
            let old = try #require(try await setup.master())
            #expect(try await old.send("GET", "greeting").string == "hello")
            try await old.kill()
            // Idempotent, so that it succeeds even if it is in flight when the master is killed.
            async let written = client.send(RedisCommand.set("greeting", "again").idempotent.timeout(.seconds(40)))
            let new = try await setup.waitForFailover(from: old)
            _ = try await written
            #expect(try await new.send("GET", "greeting").string == "again")
            // The subscription moves to the new master, with a gap.
            var events = subscription.makeAsyncIterator()
            #expect(try await events.next() == .gap)
            try await client.publish("extra", to: "news")
            guard case .message(let message)? = try await events.next() else {
                Issue.record("no message")
                return
            }
            #expect(message.text == "extra")
            // The old master returns as a replica and receives no writes.
            try await old.restart()
            try await setup.waitUntilReplica(old)
            let before = try await Self.writes(old)
            for number in 0..<50 { try await client.set("n", "\(number)") }
            #expect(try await Self.writes(old) == before)
        }
    }

    /// Returns the number of client writes that a server has refused or executed, without those of its master.
    private static func writes(_ server: RedisTestServer) async throws -> [Substring] {
        let text = try await server.send("CLIENT", "LIST", "TYPE", "normal").string ?? ""
        return text.split(whereSeparator: \.isNewline).filter {
            !$0.contains("cmd=client") && !$0.contains("name=sentinel")
        }
    }
}
