// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPMetrics
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Logging
import Testing

@Suite("Metrics of the engine", .timeLimit(.minutes(5)))
struct EngineMetricsTests {
    let metrics = PrometheusMetrics()

    private func engine(
        _ storage: any Storage = MemoryStorage(), _ configuration: EngineConfiguration = configuration()
    ) -> RunEngine {
        makeEngine(storage, configuration.with { $0.metricsFactory = metrics })
    }

    private var samples: MetricSamples { MetricSamples(metrics.text()) }

    @Test("Runs are counted by agent and outcome, with their durations")
    func outcomes() async throws {
        let engine = engine()
        try engine.agents.addAgent("echo") { context in try await context.yield(context.input) }
        try engine.agents.addAgent("failer") { _ in throw ACPError(.serverError, "no") }
        try engine.agents.addAgent("sleeper") { _ in try await Task.sleep(for: .seconds(600)) }
        for _ in 0..<3 { _ = try await engine.call("echo") }
        _ = try await engine.call("failer")
        let id = try await engine.start("sleeper")
        _ = try await engine.cancel(id)
        #expect(try await engine.endedRun(id).status == .cancelled)
        await engine.shutdown()
        #expect(
            samples.all("acp_runs_created_total") == [
                #"agent="echo""#: 3, #"agent="failer""#: 1, #"agent="sleeper""#: 1,
            ])
        #expect(
            samples.all("acp_runs_ended_total").filter { $0.value > 0 } == [
                #"agent="echo",outcome="completed""#: 3, #"agent="failer",outcome="failed""#: 1,
                #"agent="sleeper",outcome="cancelled""#: 1,
            ])
        #expect(samples[#"acp_run_duration_seconds_count{agent="echo"}"#] == 3)
    }

    @Test("Active, queued and awaiting runs are current when they are recorded")
    func numbers() async throws {
        let engine = engine(MemoryStorage(), configuration(maximumActiveRuns: 1, maximumQueuedRuns: 1))
        let latch = Latch()
        try engine.agents.addAgent("waiter") { _ in await latch.wait() }
        try engine.agents.addAgent("questioner") { context in _ = try await context.awaitMessage("Name?") }
        let asking = try await engine.call("questioner")
        let first = try await engine.start("waiter")
        let second = try await engine.start("waiter")
        #expect(await refusal { _ = try await engine.start("waiter") } == "more than 1 runs")
        engine.recordMetrics()
        #expect(samples["acp_runs_active"] == 1)
        #expect(samples["acp_runs_active_limit"] == 1)
        #expect(samples["acp_runs_queued"] == 1)
        #expect(samples["acp_runs_awaiting"] == 1)
        #expect(samples[#"acp_runs_refused_total{reason="too_many_runs"}"#] == 1)
        latch.open()
        _ = try await engine.endedRun(first)
        _ = try await engine.endedRun(second)
        try await engine.resume(asking.id, "Ada")
        _ = try await engine.endedRun(asking.id)
        await engine.shutdown()
        engine.recordMetrics()
        #expect(samples["acp_runs_active"] == 0)
        #expect(samples["acp_runs_queued"] == 0)
        #expect(samples["acp_runs_awaiting"] == 0)
        #expect(await refusal { _ = try await engine.start("waiter") } == "shutting down")
        #expect(samples[#"acp_runs_refused_total{reason="shutting_down"}"#] == 1)
    }

    @Test("Commits are measured, and every event is counted once")
    func commits() async throws {
        let engine = engine()
        try engine.agents.addAgent("echo") { context in try await context.yield(context.input) }
        let run = try await engine.call("echo")
        await engine.shutdown()
        let events = try await engine.storage.eventCount(of: run.id)
        #expect(samples["acp_events_total"] == Double(events))
        #expect(samples["acp_commit_events_sum"] == Double(events))
        let commits = try #require(samples["acp_commit_events_count"])
        #expect(commits >= 2)
        #expect(samples["acp_commit_duration_seconds_count"] == commits)
        #expect(samples["acp_commit_size_bytes_count"] == commits)
        #expect(try #require(samples["acp_commit_size_bytes_sum"]) > 500)
    }

    @Test("Errors of the storage are counted by operation and code")
    func storageErrors() async throws {
        let storage = ScriptedStorage(MemoryStorage())
        let engine = engine(storage)
        try engine.agents.addAgent("echo") { context in try await context.yield(context.input) }
        storage.onCommit(1, .failure(StorageError(.full, "no room")))
        #expect(await refusal { _ = try await engine.call("echo") } == "storage: full")
        #expect(samples[#"acp_storage_errors_total{code="full",operation="commit"}"#] == 1)
        #expect(samples[#"acp_runs_refused_total{reason="storage"}"#] == 1)
        #expect(samples.all("acp_runs_created_total").isEmpty)
        await engine.shutdown()
    }

    @Test("A run that is taken over is counted and logged, with the process that owned it and what was done")
    func takeOver() async throws {
        let processes = Processes()
        let latch = Latch()
        func serve(_ agents: AgentRegistry) throws {
            try agents.addAgent("waiter") { _ in await latch.wait() }
            try agents.addAgent("questioner") { context in _ = try await context.awaitMessage("Name?") }
        }
        let log = Log()
        let owner = try await processes.process(serve: serve)
        let other = try await processes.process(
            metricsFactory: metrics, logger: log.logger, serve: serve)
        let working = try await owner.engine.start("waiter")
        let asking = try await owner.engine.call("questioner")
        owner.die()
        processes.clock.pass(processes.lease)
        try await other.tick()
        #expect(
            samples.all("acp_runs_taken_over_total") == [#"action="failed""#: 1, #"action="awaiting""#: 1])
        #expect(samples[#"acp_runs_ended_total{agent="waiter",outcome="failed"}"#] == 1)
        #expect(samples["acp_lease_expirations_total"] == 1, "its own lease had expired as well")
        other.engine.recordMetrics()
        #expect(samples["acp_runs_awaiting"] == 1)
        #expect(samples["acp_lease_remaining_seconds"] == 15)
        let lines = log.lines.filter { $0.text == "a run was taken over" }
        #expect(lines.allSatisfy { $0.level == .notice && $0["from"] == "\(owner.engine.configuration.process)" })
        #expect(
            Dictionary(uniqueKeysWithValues: lines.map { ($0["run_id"], $0["action"]) }) == [
                "\(working)": "failed", "\(asking.id)": "awaiting",
            ])
        #expect(
            log.lines.filter { $0.text == "a run failed" && $0["run_id"] == "\(working)" }.map(\.level) == [.warning])
        latch.open()
    }

    @Test("Nothing is recorded without a backend")
    func disabled() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("echo") { context in try await context.yield(context.input) }
        _ = try await engine.call("echo")
        engine.recordMetrics()
        await engine.shutdown()
        #expect(samples.values.keys.filter { $0.hasPrefix("acp_") }.isEmpty)
    }
}
