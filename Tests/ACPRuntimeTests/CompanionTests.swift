// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization
import Testing

@testable import ACPRuntime

@Suite("Companions", .timeLimit(.minutes(5)))
struct CompanionTests {
    /// Records the kinds of the events of a run, one by one.
    private struct Recorder: CompanionAgent {
        let name: AgentName = "__recorder"
        let seen: Shared<[String]>
        /// Called before an event is recorded.
        var step: @Sendable (Int) async throws -> Void = { _ in }

        init(_ seen: Shared<[String]> = Shared([]), step: @escaping @Sendable (Int) async throws -> Void = { _ in }) {
            (self.seen, self.step) = (seen, step)
        }

        func run(_ context: CompanionContext) async throws {
            var index = context.progress?["next"]?.intValue ?? 0
            for try await batch in context.engine.follow(context.subject, from: index) {
                for event in batch.events {
                    try await step(index)
                    seen.change { $0.append("\(index) \(event.kind.rawValue)") }
                    index += 1
                    try await context.record(["next": .integer(Int64(index))])
                }
            }
        }
    }

    /// An agent that asks a question, with as many parts of output before and after it as the input says.
    private func asker(_ agents: AgentRegistry) throws {
        try agents.addAgent("asker") { context in
            try await context.yield("one ")
            let answer = try await context.awaitMessage("?")
            try await context.yield(answer.text)
        }
    }

    private static let events = [
        "0 run.created", "1 run.in-progress", "2 message.created", "3 message.part", "4 message.completed",
        "5 run.awaiting", "6 run.in-progress", "7 message.created", "8 message.part", "9 message.completed",
        "10 run.completed",
    ]

    @Test("A companion follows its run to the end, records its progress, and ends")
    func follows() async throws {
        let storage: any Storage = MemoryStorage()
        let engine = makeEngine(storage)
        try asker(engine.agents)
        let recorder = Recorder()
        engine.addCompanionAgent(recorder)
        let run = try await engine.call("asker").id
        let companion = try await engine.startCompanion(of: run, key: "a", agent: "__recorder", input: ["n": 1])
        try await eventually("it has followed the run so far") { recorder.seen.value.count == 6 }
        try await engine.resume(run, "two")
        try await eventually("it has ended") { try await storage.run(companion.id)?.status == .completed }
        #expect(recorder.seen.value == Self.events)
        let found = try #require(try await engine.companion(of: run, key: "a"))
        #expect(found.key == "a" && found.input == ["n": 1] && found.hasEnded && found.id == companion.id)
        #expect(try await engine.companion(of: run, key: "b") == nil)
        try await expectSound(companion.id, in: storage)
        await engine.shutdown()
    }

    @Test("Callers see companions in no list, and cannot read, answer, cancel, delete or create them")
    func areHidden() async throws {
        let storage: any Storage = MemoryStorage()
        let engine = makeEngine(storage)
        try asker(engine.agents)
        engine.addCompanionAgent(Recorder())
        var runs: [RunID] = []
        var companions: [RunID] = []
        for number in 0..<5 {
            runs.insert(try await engine.call("asker").id, at: 0)
            for key in 0..<number {
                let companion = try await engine.startCompanion(
                    of: runs[0], key: "\(key)", agent: "__recorder", input: [:])
                companions.append(companion.id)
            }
        }
        #expect(engine.agents.manifests.map(\.name) == ["asker"])
        #expect(try await storage.storedRuns(RunQuery(.all, limit: 0)).total == 15)
        for offset in 0...5 {
            let page = try await engine.runs(RunQuery(.all, offset: offset, limit: 2))
            #expect(page.items.map(\.id) == Array(runs.dropFirst(offset).prefix(2)) && page.total == 5)
            let listed = try await engine.listedRuns(RunQuery(.all, offset: offset, limit: 2)) { _ in "" }
            #expect(listed.items.map(\.id) == page.items.map(\.id) && listed.total == 5)
        }
        #expect(try await engine.runs(RunQuery(.unfinished(.inProgress))).total == 0)
        #expect(try await engine.runs(RunQuery(.unfinished(.awaiting))).total == 5)
        #expect(try await engine.runs(RunQuery(.agent("__recorder"))).total == 0)
        #expect(try await engine.runs(RunStatusQuery(agent: "__recorder")).total == 0)
        #expect(try await engine.runs(RunQuery(.agent("asker"))).total == 5)
        let session = SessionID(companionsOf: runs[0])
        #expect(try await engine.runs(RunQuery(.session(session))).total == 0)
        #expect(Set(try await engine.processes().flatMap(\.runs)) == Set(runs))
        #expect(engine.activeRuns == 0 && engine.queuedRuns == 0)

        let id = companions[0]
        #expect(await refusal { _ = try await engine.fetchRun(id) } == "unknown run")
        #expect(await refusal { try await engine.requireRun(id) } == "unknown run")
        #expect(await refusal { _ = try await engine.events(of: id) } == "unknown run")
        #expect(await refusal { _ = try await engine.eventCount(of: id) } == "unknown run")
        #expect(await refusal { _ = try await engine.cancel(id) } == "unknown run")
        #expect(await refusal { _ = try await engine.resume(id, "answer") } == "unknown run")
        #expect(await refusal { try await engine.deleteRun(id) } == "unknown run")
        #expect(await refusal { _ = try await engine.session(session) } == "unknown session")
        #expect(await refusal { _ = try await engine.call("__recorder") } == "unknown agent")
        #expect(await refusal { _ = try await engine.call("asker", session: session) } == "invalid input")
        await engine.shutdown()
    }

    @Test("Companions leave neither a session nor a history, also if they fail or are cancelled")
    func leaveNothing() async throws {
        struct Refuser: CompanionAgent {
            let name: AgentName = "__refuser"
            func run(_ context: CompanionContext) async throws { throw ACPError(.serverError, "no") }
        }
        let storage: any Storage = MemoryStorage()
        let engine = makeEngine(storage)
        try asker(engine.agents)
        engine.addCompanionAgent(Recorder())
        engine.addCompanionAgent(Refuser())
        let run = try await engine.call("asker").id
        let failed = try await engine.startCompanion(of: run, key: "a", agent: "__refuser", input: [:]).id
        let completed = try await engine.startCompanion(of: run, key: "b", agent: "__recorder", input: [:]).id
        try await engine.resume(run, "two")
        try await eventually("both have ended") {
            let (first, second) = (try await storage.run(failed), try await storage.run(completed))
            return first?.status == .failed && second?.status == .completed
        }
        let session = SessionID(companionsOf: run)
        #expect(try await storage.session(session) == nil)
        #expect(try await storage.history(of: session).isEmpty)
        await engine.shutdown()
    }

    @Test("Companions need no capacity")
    func needNoCapacity() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(maximumActiveRuns: 1))
        let latch = Latch()
        try engine.agents.addAgent("busy") { _ in await latch.wait() }
        let recorder = Recorder()
        engine.addCompanionAgent(recorder)
        let run = try await engine.start("busy")
        for key in ["a", "b", "c"] {
            _ = try await engine.startCompanion(of: run, key: key, agent: "__recorder", input: [:])
        }
        try await eventually("all work") { recorder.seen.value.count == 6 }
        #expect(engine.activeRuns == 1)
        #expect(await refusal { _ = try await engine.start("busy") } == "more than 1 runs")
        latch.open()
        await engine.shutdown()
    }

    @Test("A companion replaces the one with the same key, and deleting it stops it")
    func isReplaced() async throws {
        let storage: any Storage = MemoryStorage()
        let engine = makeEngine(storage)
        try asker(engine.agents)
        let stopped = Counter()
        engine.addCompanionAgent(
            Recorder { index in
                guard index == 3 else { return }
                do { try await untilCancelled() } catch {
                    stopped.add()
                    throw error
                }
            })
        let run = try await engine.call("asker").id
        for number in 1...3 {
            let companion = try await engine.startCompanion(
                of: run, key: "a", agent: "__recorder", input: ["n": .integer(Int64(number))])
            try await eventually("it works") { try await storage.eventCount(of: companion.id) == 5 }
            try await eventually("the ones before it have stopped") { stopped.value == number - 1 }
            #expect(try await engine.companions(of: run).map(\.input) == [["n": .integer(Int64(number))]])
        }
        try await engine.deleteCompanion(of: run, key: "a")
        try await engine.deleteCompanion(of: run, key: "a")
        try await eventually("the last one has stopped") { stopped.value == 3 }
        #expect(try await engine.companions(of: run).isEmpty)
        #expect(try await engine.companionCount(of: run) == 0)
        await engine.shutdown()
    }

    @Test("Of many requests with one key at the same time, none fails, and one companion remains")
    func areCreatedConcurrently() async throws {
        let processes = Processes()
        let (first, second) = (try await process(processes), try await process(processes))
        let listening = [try await listen(first), try await listen(second)]
        let run = try await first.engine.call("asker").id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    _ = try await (number.isMultiple(of: 2) ? first : second).engine.startCompanion(
                        of: run, key: "a", agent: "__recorder", input: ["n": .integer(Int64(number))])
                }
            }
            try await group.waitForAll()
        }
        #expect(try await first.engine.companions(of: run).count == 1)
        for task in listening { task.cancel() }
        await first.engine.shutdown()
        await second.engine.shutdown()
    }

    @Test("Deleting a run deletes its companions")
    func areDeletedWithTheirRun() async throws {
        let storage: any Storage = MemoryStorage()
        let engine = makeEngine(storage)
        try asker(engine.agents)
        engine.addCompanionAgent(Recorder { index in if index == 3 { try await untilCancelled() } })
        let run = try await engine.call("asker").id
        for key in ["a", "b"] {
            _ = try await engine.startCompanion(of: run, key: key, agent: "__recorder", input: [:])
        }
        #expect(try await engine.companions(of: run).map(\.key) == ["a", "b"])
        try await engine.resume(run, "two")
        _ = try await engine.endedRun(run)
        try await engine.deleteRun(run)
        #expect(try await storage.storedRuns(RunQuery(.all, limit: 0)).total == 0)
        await engine.shutdown()
    }

    @Test("A companion ends when its run has expired")
    func endsWithAnExpiredRun() async throws {
        let storage: any Storage = try MemoryStorage(.init(timeToLive: .seconds(4)))
        let engine = makeEngine(storage)
        let working = Latch()
        engine.addCompanionAgent(
            Recorder { _ in
                working.open()
                try await untilCancelled()
            })
        let run = Run(agentName: "other")
        try await storage.save(run)
        try await storage.append(.runCreated(run), to: run.id)
        let companion = try await engine.startCompanion(of: run.id, key: "a", agent: "__recorder", input: [:])
        await working.wait()
        try await storage.deleteRun(run.id)
        try await eventually("it has ended") { try await storage.run(companion.id)?.status.isTerminal ?? true }
        await engine.shutdown()
    }

    // MARK: - Several processes

    private func process(_ processes: Processes, _ recorder: Recorder = Recorder()) async throws -> Process {
        let process = try await processes.process { try asker($0) }
        process.engine.addCompanionAgent(recorder)
        return process
    }

    /// Receives the signals to a process until the task is cancelled.
    private func listen(_ process: Process) async throws -> Task<Void, Never> {
        let announcements = try await process.link.announcements(to: process.id)
        return Task { for await announcement in announcements { await process.engine.handle(announcement) } }
    }

    @Test("A companion of a process that was lost continues in another one, after the progress that was recorded")
    func isTakenOver() async throws {
        let processes = Processes()
        let (first, second) = (Recorder { if $0 == 3 { try await untilCancelled() } }, Recorder())
        let owner = try await process(processes, first)
        let run = try await owner.engine.call("asker").id
        let companion = try await owner.engine.startCompanion(of: run, key: "a", agent: "__recorder", input: [:]).id
        try await eventually("its progress is stored") { try await processes.storage.eventCount(of: companion) == 5 }
        owner.die()
        processes.clock.pass(processes.lease)
        let other = try await process(processes, second)
        try await other.tick()
        try await eventually("it has caught up") { second.seen.value.count == 3 }
        try await other.engine.resume(run, "two")
        try await eventually("it has ended") { try await processes.storage.run(companion)?.status == .completed }
        #expect(first.seen.value + second.seen.value == Self.events)
        try await expectSound(companion, in: processes.storage)
        await other.engine.shutdown()
    }

    @Test("At a graceful shutdown, companions are handed over at once and nothing is done twice")
    func isHandedOver() async throws {
        let processes = Processes()
        let seen = Shared<[String]>([])
        let leaving = try await process(processes, Recorder(seen))
        let staying = try await process(processes, Recorder(seen))
        let run = try await leaving.engine.call("asker").id
        let companion = try await leaving.engine.startCompanion(of: run, key: "a", agent: "__recorder", input: [:]).id
        try await eventually("its progress is stored") { try await processes.storage.eventCount(of: companion) == 8 }
        // It would last for minutes if it waited for the companion.
        await leaving.engine.shutdown()
        #expect(try await processes.storage.run(companion)?.status == .inProgress)
        await staying.engine.recover()
        try await staying.engine.resume(run, "two")
        try await eventually("it has ended") { try await processes.storage.run(companion)?.status == .completed }
        #expect(seen.value == Self.events)
        await staying.engine.shutdown()
    }

    @Test("Without durable storage, companions finish what they can at a graceful shutdown")
    func finishesAtShutdown() async throws {
        let engine = makeEngine(MemoryStorage())
        try asker(engine.agents)
        let recorder = Recorder()
        engine.addCompanionAgent(recorder)
        let run = try await engine.call("asker").id
        _ = try await engine.startCompanion(of: run, key: "a", agent: "__recorder", input: [:])
        await engine.shutdown()
        #expect(recorder.seen.value.last == "6 run.failed")
        #expect(
            await refusal {
                _ = try await engine.startCompanion(of: run, key: "b", agent: "__recorder", input: [:])
            } == "shutting down")
    }

    @Test("A companion in another process is stopped before it is deleted")
    func isDeletedElsewhere() async throws {
        let processes = Processes()
        let stopped = Counter()
        let owner = try await process(
            processes,
            Recorder { index in
                guard index == 3 else { return }
                do { try await untilCancelled() } catch {
                    stopped.add()
                    throw error
                }
            })
        let other = try await process(processes)
        let run = try await owner.engine.call("asker").id
        let companion = try await owner.engine.startCompanion(of: run, key: "a", agent: "__recorder", input: [:]).id
        try await eventually("it works") { try await processes.storage.eventCount(of: companion) == 5 }
        let listening = try await listen(owner)
        try await other.engine.deleteCompanion(of: run, key: "a")
        #expect(stopped.value == 1)
        #expect(try await processes.storage.run(companion) == nil)
        listening.cancel()
        await owner.engine.shutdown()
        await other.engine.shutdown()
    }

    @Test("A process that was suspended while another one took a companion over stops at the next progress")
    func isFenced() async throws {
        let processes = Processes()
        let (release, blocked) = (Latch(), Latch())
        let (first, second) = (
            Recorder { index in
                guard index == 3 else { return }
                blocked.open()
                await release.wait()
            }, Recorder()
        )
        let suspended = try await process(processes, first)
        let run = try await suspended.engine.call("asker").id
        _ = try await suspended.engine.startCompanion(of: run, key: "a", agent: "__recorder", input: [:])
        await blocked.wait()
        suspended.die()
        processes.clock.pass(processes.lease)
        let other = try await process(processes, second)
        try await other.tick()
        try await eventually("the other has caught up") { second.seen.value.count == 3 }
        suspended.comeBack()
        release.open()
        try await eventually("the first has abandoned it") {
            suspended.engine.execution(of: RunID(companionOf: run, key: "a")) == nil
        }
        #expect(first.seen.value.count <= 4)
        await other.engine.shutdown()
        await suspended.engine.shutdown()
    }

    @Test("A companion continues after the storage has failed")
    func survivesOutages() async throws {
        let processes = Processes()
        let recorder = Recorder()
        let (owner, other) = (try await process(processes), try await process(processes, recorder))
        let run = try await owner.engine.call("asker").id
        let failures = Counter()
        other.link.onCall { name in
            name == "changes(of:)" && failures.add() <= 3 ? .failure(StorageError(.cannotConnect, "down")) : nil
        }
        let companion = try await other.engine.startCompanion(of: run, key: "a", agent: "__recorder", input: [:]).id
        try await owner.engine.resume(run, "two")
        try await eventually("it has ended") { try await processes.storage.run(companion)?.status == .completed }
        #expect(recorder.seen.value == Self.events)
        await owner.engine.shutdown()
        await other.engine.shutdown()
    }
}
