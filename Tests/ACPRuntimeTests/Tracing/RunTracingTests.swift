// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import ACPTracing
import InMemoryTracing
import Testing
import Tracing

@Suite("Traces of runs", .timeLimit(.minutes(5)))
struct RunTracingTests {
    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    private let tracer = InMemoryTracer()

    private func engine(_ configuration: EngineConfiguration = configuration()) throws -> RunEngine {
        let engine = makeEngine(MemoryStorage(), configuration.with { $0.tracer = tracer })
        try engine.agents.addAgent("echo") { context in try await context.yield(context.input) }
        return engine
    }

    private func spans(_ name: String) -> [FinishedInMemorySpan] {
        tracer.finishedSpans.filter { $0.operationName == name }
    }

    @Test("A run, its handler and its commits have spans within the trace of the task that created it")
    func spans() async throws {
        let engine = try engine()
        let run = try await tracer.withSpan("request") { _ in try await engine.call("echo") }
        await engine.shutdown()
        let request = try #require(spans("request").first)
        let span = try #require(spans("run echo").first)
        #expect(span.spanContext.traceID == request.spanContext.traceID)
        #expect(span.spanContext.parentSpanID == request.spanContext.spanID)
        #expect(span.attributes.get("acp.run.id") == .string(run.id.rawValue))
        #expect(span.attributes.get("acp.run.status") == .string("completed"))
        #expect(spans("handler echo").map(\.spanContext.parentSpanID) == [span.spanContext.spanID])
        let commits = spans("commit")
        #expect(commits.count >= 2)
        #expect(commits.allSatisfy { $0.spanContext.parentSpanID == span.spanContext.spanID })
        #expect(tracer.activeSpans.isEmpty)
    }

    @Test("The handler runs within its span")
    func context() async throws {
        let engine = try engine()
        let seen = Shared<String?>(nil)
        try engine.agents.addAgent("looker") { _ in seen.set(ServiceContext.current?.inMemorySpanContext?.spanID) }
        _ = try await engine.call("looker")
        await engine.shutdown()
        #expect(seen.value != nil)
        #expect(spans("handler looker").map(\.spanContext.spanID) == [seen.value])
    }

    @Test("Spans of a run that fails have the status error, without the description of the error")
    func failure() async throws {
        struct Secret: Error, CustomStringConvertible { var description: String { "password" } }
        let engine = try engine()
        try engine.agents.addAgent("failer") { _ in throw Secret() }
        _ = try await engine.call("failer")
        await engine.shutdown()
        for name in ["run failer", "handler failer"] {
            let span = try #require(spans(name).first)
            #expect(span.status?.code == .error)
            #expect(span.errors.isEmpty)
            #expect(!"\(span.attributes) \(String(describing: span.status))".contains("password"))
        }
    }

    @Test("A queued run remains in the trace of its own request")
    func queued() async throws {
        let engine = try engine(configuration(maximumActiveRuns: 1, maximumQueuedRuns: 1))
        let latch = Latch()
        let seen = Shared<[String?]>([])
        try engine.agents.addAgent("waiter") { _ in
            seen.change { $0.append(ServiceContext.current?.inMemorySpanContext?.traceID) }
            await latch.wait()
        }
        let first = try await tracer.withSpan("first") { _ in try await engine.start("waiter") }
        let second = try await tracer.withSpan("second") { _ in try await engine.start("waiter") }
        latch.open()
        _ = try await engine.endedRun(first)
        _ = try await engine.endedRun(second)
        await engine.shutdown()
        #expect(seen.value == [spans("first").first?.spanContext.traceID, spans("second").first?.spanContext.traceID])
        #expect(Set(seen.value).count == 2)
    }

    @Test("A run that was refused has a span that has ended")
    func refused() async throws {
        let engine = try engine(configuration(maximumActiveRuns: 1, maximumQueuedRuns: 0))
        let latch = Latch()
        try engine.agents.addAgent("waiter") { _ in await latch.wait() }
        _ = try await engine.start("waiter")
        #expect(await refusal { _ = try await engine.start("waiter") } == "more than 1 runs")
        #expect(spans("run waiter").map { $0.attributes.get("acp.run.abandoned") } == [.string("refused")])
        latch.open()
        await engine.shutdown()
        #expect(tracer.activeSpans.isEmpty)
    }

    @Test("A run that is taken over is linked to its first trace")
    func takenOver() async throws {
        let processes = Processes()
        let (never, open) = (Latch(), Latch())
        open.open()
        func serve(_ latch: Latch) -> (AgentRegistry) throws -> Void {
            { agents in
                try agents.addAgent("waiter", policy: AgentPolicy(recovery: .replay)) { context in
                    try await context.yield("one ")
                    await latch.wait()
                }
            }
        }
        let owner = try await processes.process(tracer: tracer, serve: serve(never))
        let other = try await processes.process(tracer: tracer, serve: serve(open))
        let id = try await owner.engine.start("waiter")
        try await eventually("the first word is stored") { try await processes.storage.eventCount(of: id) == 4 }
        let first = try #require(tracer.activeSpans.first { $0.operationName == "run waiter" })
        owner.die()
        processes.clock.pass(processes.lease)
        try await other.tick()
        #expect(try await other.engine.endedRun(id).status == .completed)
        try await eventually("the span has ended") { !spans("run waiter").isEmpty }
        let second = try #require(spans("run waiter").first)
        #expect(second.spanContext.traceID != first.spanContext.traceID)
        #expect(second.links.map(\.context.inMemorySpanContext?.spanID) == [first.spanContext.spanID])
        #expect(second.attributes.get("acp.run.resumed") == .bool(true))
        never.open()
    }

    @Test("Without a tracer, the caller's trace is stored with the run, and its handler passes it on")
    func withoutTracer() async throws {
        let engine = makeEngine()
        let seen = Shared<TraceContext?>(nil)
        try engine.agents.addAgent("looker") { _ in seen.set(ServiceContext.current?.traceContext) }
        var context = ServiceContext.topLevel
        context.traceContext = TraceContext(parent: Self.parent, state: nil)
        let run = try await ServiceContext.withValue(context) { try await engine.call("looker") }
        #expect(run.trace == ["traceparent": .string(Self.parent)])
        #expect(seen.value == context.traceContext)
        #expect(try await engine.call("looker").trace == nil)
        await engine.shutdown()
    }
}
