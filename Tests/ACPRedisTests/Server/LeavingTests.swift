// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Logging
import RedisTestSupport
import ServiceLifecycle
import Synchronization
import Testing

@testable import ACPRedis

/// Engines that run as services on one Redis, and of which awaiting runs leave memory almost at once.
@Suite("Awaiting runs that leave memory, in Redis", .timeLimit(.minutes(5)))
struct LeavingTests {
    /// How often the handler was called, and how often it did what must not be repeated.
    private final class Counts: Sendable {
        private let counts = Mutex((calls: 0, effects: 0))

        var calls: Int { counts.withLock(\.calls) }
        var effects: Int { counts.withLock(\.effects) }

        func note(isEffect: Bool) {
            counts.withLock {
                $0.calls += 1
                if isEffect { $0.effects += 1 }
            }
        }
    }

    private let counts = Counts()

    /// Runs two processes while the body runs.
    private func withProcesses(
        timeout: Duration? = nil, _ body: @escaping @Sendable (RunEngine, RunEngine) async throws -> Void
    ) async throws {
        let server = try await RedisTestServer.start()
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let storages = try (0..<2).map { _ in try RedisStorage(url: server.url) }
        let engines = try storages.map { storage in
            let engine = RunEngine(
                storage: storage,
                configuration: EngineConfiguration(awaitingRunsLeaveMemoryAfter: .milliseconds(100)), logger: silent)
            let policy = AgentPolicy(recovery: .replay, awaitTimeout: timeout)
            try engine.agents.addAgent("asker", policy: policy) { [counts] context in
                counts.note(isEffect: !context.isReplaying)
                try await context.yield("Hello. ")
                let name = try await context.awaitMessage("Name?").text
                let city = try await context.awaitMessage("City?").text
                return "\(name) from \(city)"
            }
            return engine
        }
        let group = ServiceGroup(
            configuration: .init(services: engines.map { .init(service: $0) }, logger: silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(engines[0], engines[1]))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
        for storage in storages { await storage.close() }
    }

    private func expectLeft(_ engine: RunEngine) async throws {
        try await eventually("a run has left memory") { engine.dormantRuns == 1 }
    }

    @Test("Runs are answered through their own process and through another one, and repeat no effect")
    func answered() async throws {
        try await withProcesses { [counts] owner, other in
            let run = try await owner.execute(RunRequest(agent: "asker", input: ["hi"]))
            try await expectLeft(owner)
            let (_, first) = try await other.resume(run.id, with: .message(Message("Ada")))
            #expect(try await other.settledRun(run.id, after: first).status == .awaiting)
            try await expectLeft(owner)
            let (_, second) = try await owner.resume(run.id, with: .message(Message("Rome")))
            let ended = try await other.settledRun(run.id, after: second)
            #expect(ended.output.map(\.text) == ["Hello. ", "Ada from Rome"])
            #expect(counts.calls == 3 && counts.effects == 1)
            #expect(try await owner.history(of: #require(run.sessionID), from: 0, limit: nil).items.count == 3)
        }
    }

    @Test("Runs can be cancelled through their own process and through another one")
    func cancelled() async throws {
        try await withProcesses { owner, other in
            for canceller in [owner, other] {
                let run = try await owner.execute(RunRequest(agent: "asker", input: ["hi"]))
                try await expectLeft(owner)
                _ = try await canceller.cancel(run.id)
                for try await _ in canceller.follow(run.id) {}
                #expect(try await canceller.fetchRun(run.id).status == .cancelled)
            }
        }
    }

    @Test("Runs fail when their time is up")
    func expired() async throws {
        try await withProcesses(timeout: .seconds(3)) { owner, other in
            let run = try await owner.execute(RunRequest(agent: "asker", input: ["hi"]))
            try await expectLeft(owner)
            for try await _ in other.follow(run.id) {}
            #expect(try await other.fetchRun(run.id).error?.code == .timedOut)
        }
    }
}
