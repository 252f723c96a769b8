// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Logging
import Redis
import RedisTestSupport
import Synchronization
import Testing

@testable import ACPRedis

@Suite("Outages of Redis")
struct OutageTests {
    @Test("While Redis is down, requests get 503; afterwards runs continue, and no event is lost or doubled")
    func killed() async throws {
        try await outage { redis in
            try await redis.kill()
        } end: { redis in
            try await redis.restart()
        }
    }

    @Test(
        "Redis stopped in the middle of runs: requests end with 503, then all goes on, no event lost and none doubled")
    func paused() async throws {
        try await outage { redis in
            redis.pause()
        } end: { redis in
            redis.resume()
        }
    }

    /// Executes runs during two outages, and compares what was read of them with what is stored in the end.
    private func outage(
        begin: @escaping @Sendable (RedisTestServer) async throws -> Void,
        end: @escaping @Sendable (RedisTestServer) async throws -> Void
    ) async throws {
        let redis = try await RedisTestServer.start { $0.appendOnly = true }
        var redisConfiguration = RedisConfiguration(host: "127.0.0.1", port: redis.port)
        redisConfiguration.commandTimeout = .milliseconds(500)
        redisConfiguration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        redisConfiguration.pool.maxBackoff = .milliseconds(100)
        let storage = try RedisStorage(.init(redis: redisConfiguration))
        let configuration = ServerConfiguration(engine: EngineConfiguration(storageTimeout: .milliseconds(200)))
        let ticking = Ticking()
        try await serving(storage, configuration: configuration, agents: { try $0.addTicker(ticking) }) { serving in
            let ended = try await serving.client.run(agent: "echo", input: "before")
            let runs = try await Self.startTickers(3, serving)
            try await withThrowingTaskGroup(of: Follower.self) { group in
                // Two clients follow each run, one of them from a later event.
                let followers = runs.flatMap { [Follower($0, from: 0), Follower($0, from: 2)] }
                for follower in followers {
                    group.addTask {
                        try await follower.readToTheEnd(serving.client)
                        return follower
                    }
                }
                for _ in 0..<2 {
                    try await Self.progress(of: followers)
                    try await begin(redis)
                    try await Self.expectUnavailable(serving, ended.id, runs[0])
                    try await end(redis)
                    let isReady = try await poll(for: .seconds(60)) {
                        try await serving.send("GET", "/readyz").status == 200
                    }
                    #expect(isReady)
                    #expect(try await serving.client.run(agent: "echo", input: "again").text == "again")
                }
                try await Self.progress(of: followers)
                ticking.stop()
                for try await follower in group {
                    let stored = try await storage.events(of: follower.run, from: follower.start, limit: nil)
                    let seen = follower.seen
                    #expect(seen.map(\.index) == (0..<stored.count).map { follower.start + $0 })
                    #expect(seen.map(\.event) == (try stored.map { try $0.decode() }))
                }
            }
            // Also those whose callers got 503: none of them remains unfinished.
            let haveAllEnded = try await poll { try await storage.runs(RunQuery(.unfinished(.inProgress))).total == 0 }
            #expect(haveAllEnded)
            for run in runs {
                let run = try await serving.client.fetchRun(run)
                #expect(run.status == .completed)
                let numbers = run.text.split(separator: " ").compactMap { Int($0) }
                #expect(numbers == Array(1...max(1, numbers.count)), "the agent's complete output, once and in order")
            }
        }
        await storage.close()
        redis.stop()
    }

    private static func startTickers(_ count: Int, _ serving: Serving) async throws -> [RunID] {
        var runs: [RunID] = []
        for _ in 0..<count { runs.append(try await serving.client.start(agent: "ticker", input: "go").id) }
        return runs
    }

    /// Waits until all clients have read more.
    private static func progress(of followers: [Follower]) async throws {
        let before = followers.map { $0.seen.count }
        let isProgress = try await poll(for: .seconds(60)) {
            zip(followers, before).allSatisfy { $0.seen.count >= $1 + 5 }
        }
        #expect(isProgress, "runs and streams continue")
    }

    private static func expectUnavailable(_ serving: Serving, _ ended: RunID, _ running: RunID) async throws {
        let run = #"{"agent_name":"echo","input":[{"parts":[{"content":"hi"}]}]}"#
        let requests = [
            ("POST", "/runs", run), ("GET", "/runs/\(ended)", nil), ("GET", "/runs/\(running)/events", nil),
            ("GET", "/runs", nil), ("GET", "/sessions/nobody", nil),
        ]
        try await withThrowingTaskGroup(of: Answer.self) { group in
            for (method, path, json) in requests {
                group.addTask { try await serving.send(method, path, json) }
            }
            for try await answer in group { answer.expectUnavailable() }
        }
        let readiness = try await serving.send("GET", "/readyz")
        readiness.expectUnavailable()
        let body = String(decoding: readiness.body, as: UTF8.self)
        #expect(
            body.contains("storage") && !body.contains("127.0.0.1"), "the body states the problem, and not the address")
        #expect(try await serving.send("GET", "/healthz").status == 200, "the process itself is healthy")
        #expect(try await serving.send("GET", "/agents").status == 200)
    }
}

/// Whether tickers continue.
private final class Ticking: Sendable {
    private let isStopped = Atomic(false)

    var goesOn: Bool { !isStopped.load(ordering: .acquiring) }
    func stop() { isStopped.store(true, ordering: .releasing) }
}

extension ACPServer {
    fileprivate func addTicker(_ ticking: Ticking) throws {
        try addAgent("ticker") { context in
            var number = 0
            while ticking.goesOn {
                number += 1
                try await context.yield("\(number) ")
                try await Task.sleep(for: .milliseconds(2))
            }
        }
    }
}

/// Reads the events of a run, over as many connections as necessary.
private final class Follower: Sendable {
    let run: RunID
    let start: Int
    private let events = Mutex<[StreamedEvent]>([])

    init(_ run: RunID, from start: Int) {
        self.run = run
        self.start = start
    }

    var seen: [StreamedEvent] { events.withLock { $0 } }

    func readToTheEnd(_ client: ACPClient) async throws {
        for try await event in client.follow(run, after: start - 1) { events.withLock { $0.append(event) } }
    }
}
