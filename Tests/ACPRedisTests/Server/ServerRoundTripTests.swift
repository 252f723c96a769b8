// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ACPServer
import Redis
import RedisTestSupport
import Synchronization
import Testing

@testable import ACPRedis

@Suite("Costs of a run over HTTP")
struct ServerRoundTripTests {
    @Test("A sync run of echo waits for two round trips to Redis: its creation, and its end with the session's history")
    func syncEcho() async throws {
        let redis = try await RedisTestServer.start()
        let client = try RedisClient(url: redis.url)
        let holding = HoldingClient(client)
        let storage = try RedisStorage(client: holding)
        let monitor = try await RedisMonitor(redis)
        try await serving(storage) { serving in
            let session: SessionID = "the-session"
            // The server caches the scripts, and connections are made.
            _ = try await serving.client.run(agent: "echo", input: "warm up", session: session)
            holding.hold()
            let lines = try await monitor.lines {
                let isAnswered = Mutex(false)
                async let answer = {
                    let run = try await serving.client.run(agent: "echo", input: "hello", session: session)
                    isAnswered.withLock { $0 = true }
                    return run
                }()
                // The replies of a round are held back until all of its commands have been sent. The commands of the
                // next round have waited for them, and nothing else can have.
                for (round, name) in [("run.created", "its creation"), ("run.completed", "its end")] {
                    #expect(try await holding.reaches(round), "\(name) is not written")
                    #expect(holding.held == 1, "\(name) is not written alone")
                    holding.letThrough()
                }
                try await poll(for: .seconds(60)) { isAnswered.withLock { $0 } || holding.held > 0 }
                #expect(isAnswered.withLock { $0 }, "the response waits for a third round trip")
                holding.end()
                #expect(try await answer.text == "hello")
            }
            // The agent's output is sent with the end, unless a thread was free to send it while the agent was running.
            #expect((2...3).contains(lines.count { !$0.contains("acp:process:") }), "\(lines)")
        }
        await monitor.close()
        await storage.close()
        await client.close()
    }
}
