// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Handing over at shutdown", .timeLimit(.minutes(5)))
struct HandOverTests {
    @Test("Runs that await an answer are handed over at once, without waiting for the lease")
    func awaiting() async throws {
        let processes = Processes()
        let serve: (AgentRegistry) throws -> Void = { agents in
            try agents.addAgent("questioner") { context in "You said \(try await context.awaitMessage("?").text)" }
        }
        let leaving = try await processes.process(serve: serve)
        let staying = try await processes.process(serve: serve)
        let announcements = try await staying.link.announcements(to: staying.id)
        let runs = try await (0..<20).asyncMap { _ in try await leaving.engine.call("questioner").id }
        await leaving.engine.shutdown()
        var heard = announcements.makeAsyncIterator()
        #expect(await heard.next() == .departure)
        await staying.engine.recover()
        #expect(try await processes.storage.runs(ownedBy: staying.id, limit: 100).count == runs.count)
        #expect(try await processes.storage.coordination.lostProcesses() == [leaving.id])
        try await processes.forgetOthers([staying])
        #expect(try await processes.storage.coordination.lostProcesses().isEmpty)
        for run in runs {
            let (_, count) = try await staying.engine.resume(run, "hi")
            #expect(try await staying.engine.settledRun(run, after: count).text == "You said hi")
            try await expectSound(run, in: processes.storage)
        }
    }

    @Test("Runs are handed over although the announcement fails, or is forgotten before they are released")
    func unannounced() async throws {
        let processes = Processes()
        let serve: (AgentRegistry) throws -> Void = { agents in
            try agents.addAgent("questioner") { context in "You said \(try await context.awaitMessage("?").text)" }
        }
        let leaving = try await processes.process(serve: serve)
        let staying = try await processes.process(serve: serve)
        let run = try await leaving.engine.call("questioner").id
        leaving.link.onCall { $0 == "leave(_:)" ? .failure(StorageError(.timedOut, "no reply")) : nil }
        await leaving.engine.shutdown()
        #expect(try await staying.engine.processes().map(\.id.rawValue).contains("released"))
        try await staying.tick()
        #expect(try await processes.storage.runs(ownedBy: staying.id, limit: 100) == [run])
        #expect(try await !staying.engine.processes().map(\.id.rawValue).contains("released"))
        let (_, count) = try await staying.engine.resume(run, "hi")
        #expect(try await staying.engine.settledRun(run, after: count).text == "You said hi")
    }

    @Test("An answer that arrives while a run is being handed over continues it in the next process")
    func answeredMeanwhile() async throws {
        let processes = Processes()
        let (never, open) = (Latch(), Latch())
        open.open()
        func serve(_ latch: Latch) -> (AgentRegistry) throws -> Void {
            { agents in
                try agents.addAgent("questioner") { context in
                    let name = try await context.awaitMessage("Who?").text
                    await latch.wait()
                    return "\(name) likes \(try await context.awaitMessage("What?").text)"
                }
            }
        }
        let leaving = try await processes.process(serve: serve(never))
        let staying = try await processes.process(serve: serve(open))
        let run = try await leaving.engine.call("questioner")
        let answered = Shared(0)
        leaving.link.onClaim { [engine = leaving.engine] in
            let (_, count) = try await engine.resume(run.id, "Ada")
            answered.set(count)
            try await eventually("the answer is stored, or left to the next process") {
                guard engine.execution(of: run.id) != nil else { return true }
                return try await engine.eventCount(of: run.id) > count
            }
        }
        await leaving.engine.shutdown()
        await staying.engine.recover()
        #expect(try await staying.engine.settledRun(run.id, after: answered.value).status == .awaiting)
        let (_, count) = try await staying.engine.resume(run.id, "figs")
        #expect(try await staying.engine.settledRun(run.id, after: count).text == "Ada likes figs")
        try await expectSound(run.id, in: processes.storage)
        never.open()
    }

    @Test("A run that has not ended after the grace period is handed over if it can be replayed, and fails if not")
    func working() async throws {
        let processes = Processes()
        let (never, open) = (Latch(), Latch())
        open.open()
        func serve(_ latch: Latch) -> (AgentRegistry) throws -> Void {
            { agents in
                for (name, recovery) in [("replayed", AgentPolicy.Recovery.replay), ("not", .fail)] {
                    try agents.addAgent(AgentName(stringLiteral: name), policy: AgentPolicy(recovery: recovery)) {
                        context in
                        try await context.yield("one ")
                        await latch.wait()
                        try await context.yield("two")
                    }
                }
            }
        }
        let leaving = try await processes.process(shutdownGrace: .zero, serve: serve(never))
        let staying = try await processes.process(serve: serve(open))
        let replayed = try await leaving.engine.start("replayed")
        let failed = try await leaving.engine.start("not")
        try await eventually("their first parts are stored") {
            let counts = try await [replayed, failed].asyncMap { try await processes.storage.eventCount(of: $0) }
            return counts == [4, 4]
        }
        await leaving.engine.shutdown()
        #expect(try await processes.storage.run(failed)?.status == .failed)
        #expect(try await processes.storage.run(replayed)?.status == .inProgress)
        await staying.engine.recover()
        #expect(try await staying.engine.endedRun(replayed).text == "one two")
        try await expectSound(replayed, in: processes.storage)
        never.open()
    }

    @Test("Queued runs start in another process")
    func waiting() async throws {
        let processes = Processes()
        let latch = Latch()
        let serve: (AgentRegistry) throws -> Void = { agents in try agents.addAgent("busy") { _ in await latch.wait() }
        }
        let leaving = try await processes.process(maximumActiveRuns: 1, serve: serve)
        let staying = try await processes.process(serve: serve)
        let runs = try await (0..<3).asyncMap { _ in try await leaving.engine.start("busy") }
        async let shutdown: Void = leaving.engine.shutdown()
        try await eventually("the queued runs are released") {
            try await processes.storage.runs(ownedBy: .released, limit: 10).count == 2
        }
        await staying.engine.recover()
        #expect(try await processes.storage.runs(ownedBy: staying.id, limit: 10).count == 2)
        latch.open()
        await shutdown
        for run in runs { #expect(try await staying.engine.endedRun(run).status == .completed) }
    }

    @Test("Runs that were taken over and await an answer are handed over again")
    func twice() async throws {
        let processes = Processes()
        let serve: (AgentRegistry) throws -> Void = { agents in
            try agents.addAgent("questioner") { context in "You said \(try await context.awaitMessage("?").text)" }
        }
        let first = try await processes.process(serve: serve)
        let run = try await first.engine.call("questioner")
        await first.engine.shutdown()
        let second = try await processes.process(serve: serve)
        await second.engine.recover()
        await second.engine.shutdown()
        let third = try await processes.process(serve: serve)
        await third.engine.recover()
        let (_, count) = try await third.engine.resume(run.id, "hi")
        #expect(try await third.engine.settledRun(run.id, after: count).text == "You said hi")
    }
}

extension Sequence where Element: Sendable {
    func asyncMap<Result>(_ step: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await step(element)) }
        return results
    }
}
