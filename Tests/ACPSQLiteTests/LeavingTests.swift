// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPSQLite
import ACPStorage
import ACPTestSupport
import Logging
import ServiceLifecycle
import Testing

@Suite("Awaiting runs that leave memory, in SQLite", .timeLimit(.minutes(5)))
struct LeavingTests {
    /// Runs a process on a file while the body runs.
    private func withEngine(
        _ path: String, timeout: Duration? = nil, _ body: @escaping @Sendable (RunEngine) async throws -> Void
    ) async throws {
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let storage = try SQLiteStorage(.init(path: path), logger: silent)
        let engine = RunEngine(
            storage: storage, configuration: EngineConfiguration(awaitingRunsLeaveMemoryAfter: .milliseconds(100)),
            logger: silent)
        let policy = AgentPolicy(recovery: .replay, awaitTimeout: timeout)
        try engine.agents.addAgent("asker", policy: policy) { context in
            try await context.yield("Hello. ")
            return "You are \(try await context.awaitMessage("Name?").text)"
        }
        let group = ServiceGroup(configuration: .init(services: [.init(service: engine)], logger: silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(engine))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
        try await storage.close()
    }

    private func leave(_ engine: RunEngine) async throws -> Run {
        let run = try await engine.execute(RunRequest(agent: "asker", input: ["hi"]))
        try await eventually("the run has left memory") { engine.dormantRuns == 1 }
        return run
    }

    private func expectAnswered(_ run: RunID, by engine: RunEngine) async throws {
        let (_, count) = try await engine.resume(run, with: .message(Message("Ada")))
        #expect(try await engine.settledRun(run, after: count).output.map(\.text) == ["Hello. ", "You are Ada"])
    }

    @Test("Runs are answered in the same process, and cancelled")
    func sameProcess() async throws {
        let folder = try TemporaryFolder()
        try await withEngine(folder.path()) { engine in
            try await expectAnswered(try await leave(engine).id, by: engine)
            let run = try await leave(engine)
            _ = try await engine.cancel(run.id)
            for try await _ in engine.follow(run.id) {}
            #expect(try await engine.fetchRun(run.id).status == .cancelled)
        }
    }

    @Test("Runs are answered after a restart")
    func restarted() async throws {
        let folder = try TemporaryFolder()
        let (found, find) = AsyncStream.makeStream(of: RunID.self)
        try await withEngine(folder.path()) { engine in find.yield(try await leave(engine).id) }
        let run = try #require(await found.first { _ in true })
        try await withEngine(folder.path()) { engine in
            try await eventually("the run was taken over") { engine.dormantRuns == 1 }
            try await expectAnswered(run, by: engine)
        }
    }

    @Test("Runs fail when their time is up")
    func expired() async throws {
        let folder = try TemporaryFolder()
        try await withEngine(folder.path(), timeout: .seconds(3)) { engine in
            let run = try await leave(engine)
            for try await _ in engine.follow(run.id) {}
            #expect(try await engine.fetchRun(run.id).error?.code == .timedOut)
        }
    }
}
