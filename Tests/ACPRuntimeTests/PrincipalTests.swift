// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization
import Testing

@testable import ACPRuntime

@Suite("Principals of runs", .timeLimit(.minutes(5)))
struct PrincipalTests {
    private static let ada = Principal(id: "ada", roles: [.call], claims: ["team": "engines"])
    private static let bob = Principal(id: "bob")

    @Test("A role includes those that allow less")
    func roles() {
        let cases: [(Set<Principal.Role>, [Principal.Role])] = [
            ([], []), ([.read], [.read]), ([.call], [.read, .call]), ([.administer], [.read, .call, .administer]),
            ([.read, .call], [.read, .call]),
        ]
        for (roles, allowed) in cases {
            let principal = Principal(id: "ada", roles: roles)
            #expect(Principal.Role.allCases.filter(principal.can) == allowed)
        }
    }

    @Test("A handler gets the principal, and the id is stored with the run")
    func handler() async throws {
        let engine = makeEngine()
        let seen = Mutex<[Principal?]>([])
        try engine.agents.addAgent("who") { context in seen.withLock { $0.append(context.principal) } }
        let run = try await engine.execute(RunRequest(agent: "who", input: ["x"], principal: Self.ada))
        #expect(run.principal == "ada")
        #expect(try await engine.storage.run(run.id)?.principal == "ada")
        let anonymous = try await engine.execute(RunRequest(agent: "who", input: ["x"]))
        #expect(anonymous.principal == nil)
        #expect(seen.withLock(\.self) == [Self.ada, nil])
    }

    @Test("A run that another process continues keeps the id of its principal, without roles and claims")
    func recovery() async throws {
        let processes = Processes()
        let seen = Mutex<[Principal?]>([])
        let serve: (AgentRegistry) throws -> Void = { agents in
            try agents.addAgent("asker") { context in
                seen.withLock { $0.append(context.principal) }
                let answer = try await context.awaitMessage("?")
                try await context.session.setState("of \(context.principal?.id.rawValue ?? "nobody")")
                return answer.text
            }
        }
        let owner = try await processes.process(serve: serve)
        let id = try await owner.engine.start(RunRequest(agent: "asker", input: ["x"], principal: Self.ada)).id
        try await eventually("the question") { try await processes.storage.run(id)?.status == .awaiting }
        owner.die()
        let other = try await processes.process(serve: serve)
        processes.clock.pass(processes.lease)
        try await other.tick()
        try await other.engine.resume(id, "answer")
        let run = try await other.engine.endedRun(id)
        #expect(run.status == .completed && run.principal == "ada")
        #expect(seen.withLock(\.self) == [Self.ada, Principal(id: "ada", roles: [])])
        let session = try await processes.storage.session(try #require(run.sessionID))
        #expect(session?.principal == "ada", "what it stores in its session is its principal's")
        let listed = try await other.engine.runs(RunQuery(principal: "ada"))
        #expect(listed.items.map(\.id) == [id] && listed.total == 1)
    }

    @Test("Principals with the same idempotency key get runs of their own")
    func idempotency() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("echo") { context in context.input.first?.text ?? "" }
        func run(_ principal: Principal?, _ key: String = "k") async throws -> RunID {
            try await engine.start(
                RunRequest(agent: "echo", input: ["x"], idempotencyKey: key, principal: principal)
            ).id
        }
        let ids = [try await run(Self.ada), try await run(Self.bob), try await run(nil)]
        #expect(Set(ids).count == 3)
        #expect([try await run(Self.ada), try await run(Self.bob), try await run(nil)] == ids)
        // A key that contains what another principal's is derived from.
        for key in ["3:ada:k", "principal-run:3:ada:k", ":ada:k"] { #expect(!ids.contains(try await run(nil, key))) }
        #expect(RunID(idempotencyKey: "b:c", of: "a") != RunID(idempotencyKey: "c", of: "a:b"))
    }

    // MARK: - Access

    private struct Served {
        let engine: RunEngine
        let ada: RunAccess
        let bob: RunAccess
        let operators: RunAccess
        let everybody: RunAccess
    }

    private func serve(_ storage: any Storage = MemoryStorage()) throws -> Served {
        let engine = makeEngine(storage)
        try engine.agents.addAgent("echo") { context in context.input.first?.text ?? "" }
        try engine.agents.addAgent("asker") { context in try await context.awaitMessage("?").text }
        return Served(
            engine: engine, ada: RunAccess(engine, caller: Self.ada, isIsolated: true),
            bob: RunAccess(engine, caller: Self.bob, isIsolated: true),
            operators: RunAccess(engine, caller: Principal(id: "ops", roles: [.administer]), isIsolated: true),
            everybody: RunAccess(engine))
    }

    @Test("What belongs to another principal is treated like what does not exist, in every operation")
    func operations() async throws {
        let served = try serve()
        let run = try await served.ada.createRun(RunRequest(agent: "asker", input: ["x"])).settled().run
        let session = try #require(run.sessionID)
        let operations: [@Sendable (RunAccess, RunID) async throws -> Void] = [
            { _ = try await $0.fetchRun($1) },
            { try await $0.requireRun($1) },
            { _ = try await $0.resume($1, with: .message("answer")) },
            { _ = try await $0.cancel($1) },
            { try await $0.deleteRun($1) },
            { _ = try await $0.events(of: $1, from: 0, limit: 1, bytes: 1) },
            { access, id in
                _ = try await access.eventCount(of: id)
                try await access.requireRun(id)
            },
            { access, id in
                _ = try await access.content(ContentDigest(rawValue: String(repeating: "0", count: 64))!, of: id)
                try await access.requireRun(id)
            },
        ]
        let before = try await served.engine.fetchRun(run.id)
        for (index, operation) in operations.enumerated() {
            let foreign = await #expect(throws: RunEngineError.self, "\(index)") {
                try await operation(served.bob, run.id)
            }
            let unknown = RunID()
            let missing = await #expect(throws: RunEngineError.self) { try await operation(served.bob, unknown) }
            #expect(foreign?.code == .unknownRun && missing?.code == .unknownRun)
            #expect(foreign?.message.replacing(run.id.rawValue, with: unknown.rawValue) == missing?.message)
        }
        #expect(try await served.engine.fetchRun(run.id) == before)
        #expect(try await served.engine.storage.coordination.signals(to: run.id).isEmpty)
        let foreign = await #expect(throws: RunEngineError.self) { try await served.bob.session(session) }
        #expect(foreign?.code == .unknownSession)
        await #expect(throws: RunEngineError.self) { try await served.bob.history(of: session, from: 0, limit: 1) }
        await #expect(throws: RunEngineError.self) { try await served.bob.deleteSession(session) }
        for access in [served.ada, served.operators, served.everybody] {
            #expect(try await access.fetchRun(run.id).id == run.id)
            #expect(try await access.session(session).historyCount == 0)
        }
        #expect(try await served.operators.cancel(run.id).status == .cancelling)
    }

    @Test("A run that another process executes is checked as well")
    func elsewhere() async throws {
        let storage = MemoryStorage()
        let run = try await serve(storage).ada.createRun(RunRequest(agent: "asker", input: ["x"])).settled().run
        let other = try serve(storage)
        await #expect(throws: RunEngineError.self) { try await other.bob.cancel(run.id) }
        await #expect(throws: RunEngineError.self) { try await other.bob.requireRun(run.id) }
        try await other.ada.requireRun(run.id)
        #expect(try await other.ada.cancel(run.id).status == .cancelling)
    }

    @Test("A refused request does not leave anything of its run or session")
    func refusedSession() async throws {
        let served = try serve()
        let request = RunRequest(
            agent: "echo", input: ["x"], session: "s", forwardedHistory: ["https://example.com/1"],
            forwardedState: "https://example.com/state")
        _ = try await served.ada.createRun(RunRequest(agent: "echo", input: ["x"], session: "s")).settled()
        let before = try await served.engine.storage.session("s")
        let error = await #expect(throws: RunEngineError.self) { try await served.bob.createRun(request) }
        #expect(error?.code == .foreignSession)
        #expect(try await served.engine.storage.session("s") == before)
        #expect(try await served.engine.history(of: "s", from: 0, limit: nil).total == 2)
        #expect(try await served.engine.runs(RunQuery()).total == 1)
        #expect(served.engine.activeRuns == 0 && served.engine.queuedRuns == 0)
    }

    @Test("A session without a principal of its own belongs to that of its first run")
    func firstRun() async throws {
        let served = try serve()
        let storage = served.engine.storage
        #expect(try await storage.owner(of: "s") == .unknown)
        // Without isolation, several principals may have used the session.
        for principal in [Self.ada, Self.bob] {
            _ = try await served.engine.execute(
                RunRequest(agent: "echo", input: ["x"], session: "s", principal: principal))
        }
        #expect(try await storage.owner(of: "s") == .principal("ada"))
        await #expect(throws: RunEngineError.self) { try await served.bob.requireUsable("s") }
        try await served.ada.requireUsable("s")
        _ = try await served.ada.createRun(RunRequest(agent: "echo", input: ["x"], session: "s")).settled()
        #expect(try await storage.storedSession("s")?.principal == "ada")
        _ = try await served.engine.execute(RunRequest(agent: "echo", input: ["x"], session: "t"))
        #expect(try await storage.owner(of: "t") == .nobody)
        await #expect(throws: RunEngineError.self) { try await served.ada.requireUsable("t") }
    }

    // MARK: - Companions

    private struct Waiter: CompanionAgent {
        let name: AgentName = "__waiter"

        func run(_ context: CompanionContext) async throws { try await Task.sleep(for: .seconds(3_600)) }
    }

    @Test("Companions are in no list of a principal, and are deleted with the run")
    func companions() async throws {
        let served = try serve()
        served.engine.addCompanionAgent(Waiter())
        let run = try await served.ada.createRun(RunRequest(agent: "echo", input: ["x"])).settled().run
        for key in ["a", "b"] {
            _ = try await served.engine.startCompanion(of: run.id, key: key, agent: "__waiter", input: [:])
        }
        for filter in [RunQuery.Filter.all, .unfinished(.inProgress), .agent("echo")] {
            let page = try await served.engine.runs(RunQuery(filter, principal: "ada"))
            #expect(page.total == (filter == .unfinished(.inProgress) ? 0 : 1))
        }
        try await served.ada.deleteRun(run.id)
        #expect(try await served.engine.companions(of: run.id).isEmpty)
        await served.engine.shutdown()
    }
}
