// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ACPServer
import RedisClient
import RedisTestSupport
import Synchronization
import Testing

@testable import ACPRedis

@Suite("What a run over HTTP costs")
struct ServerRoundTripTests {
    @Test("A sync run of echo waits for three round trips to Redis: its creation, what it said, its end")
    func syncEcho() async throws {
        let redis = try await RedisTestServer.start()
        let client = try RedisClient(url: redis.url)
        let holding = HoldingClient(client)
        let storage = try RedisStorage(client: holding)
        let monitor = try await RedisMonitor(redis)
        try await serving(storage) { serving in
            let session: SessionID = "the-session"
            // The server learns the scripts, connections are made.
            _ = try await serving.client.run(agent: "echo", input: "warm up", session: session)
            holding.hold()
            let lines = try await monitor.lines {
                let isAnswered = Mutex(false)
                async let answer = {
                    let run = try await serving.client.run(agent: "echo", input: "hello", session: session)
                    isAnswered.withLock { $0 = true }
                    return run
                }()
                // The answers of a round are held back until all of its commands are there. What the next one sends has
                // waited for them, and nothing else can have.
                let rounds = [("creation", 1), ("what it said, and beside it the session's history", 2), ("end", 1)]
                for (name, commands) in rounds {
                    let areThere = try await poll { holding.held == commands }
                    #expect(areThere, "\(name): \(holding.held) commands")
                    holding.letThrough()
                }
                try await poll(for: .seconds(60)) { isAnswered.withLock { $0 } || holding.held > 0 }
                #expect(isAnswered.withLock { $0 }, "the answer waits for a fourth round trip")
                holding.end()
                #expect(try await answer.text == "hello")
            }
            #expect(lines.count { !$0.contains("acp:process:") } == 4, "\(lines)")
        }
        await monitor.close()
        await storage.close()
        await client.close()
    }
}
