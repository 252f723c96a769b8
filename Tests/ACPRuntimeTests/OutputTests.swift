// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Testing

@Suite("Output of handlers", .timeLimit(.minutes(5)))
struct OutputTests {
    struct Progress: Codable, Sendable {
        var done: Int
    }

    // MARK: Returning

    @Test("Every kind of return value becomes output")
    func returnKinds() async throws {
        let engine = makeEngine()
        let agents = engine.agents
        try agents.addAgent("text") { _ in "text" }
        try agents.addAgent("part") { _ in MessagePart.artifact(name: "file", content: "bytes") }
        try agents.addAgent("message") { _ in Message(parts: [.text("a"), .text("b")]) }
        try agents.addAgent("messages") { _ in [Message("one"), Message("two")] }
        try agents.addAgent("texts") { _ in ["one", "two"] }
        try agents.addAgent("some") { _ in Optional("some") }
        try agents.addAgent("none") { _ in String?.none }
        try agents.addAgent("void") { _ in }
        try agents.addAgent("stream") { _ in
            AsyncStream<String> { continuation in
                for word in ["one ", "two ", "three"] { continuation.yield(word) }
                continuation.finish()
            }
        }
        try agents.addAgent("messageStream") { _ in
            AsyncThrowingStream<Message, any Error> { continuation in
                continuation.yield("first")
                continuation.yield("second")
                continuation.finish()
            }
        }
        let expected: [(AgentName, [String])] = [
            ("text", ["text"]), ("part", ["bytes"]), ("message", ["a", "b"]), ("messages", ["one", "|", "two"]),
            ("texts", ["one", "two"]), ("some", ["some"]), ("none", []), ("void", []),
            ("stream", ["one ", "two ", "three"]), ("messageStream", ["first", "|", "second"]),
        ]
        for (agent, contents) in expected {
            let run = try await engine.call(agent)
            #expect(run.status == .completed, "\(agent)")
            #expect(run.output.allSatisfy { !$0.isOpen && $0.role == .agent(agent) }, "\(agent)")
            let found = run.output.map { $0.parts.map { $0.content ?? "" } }.joined(separator: ["|"])
            #expect(Array(found) == contents, "\(agent)")
            try await expectSound(run.id, in: engine.storage)
        }
        let artifact = try await engine.call("part")
        #expect(artifact.output[0].parts[0].isArtifact)
    }

    @Test("A sequence that throws fails the run, and earlier elements are its output")
    func brokenSequence() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("broken") { _ in
            AsyncThrowingStream<String, any Error> { continuation in
                continuation.yield("said")
                continuation.finish(throwing: ACPError("model_gone", "the model is gone"))
            }
        }
        let run = try await engine.call("broken")
        #expect(run.status == .failed)
        #expect(run.error?.code == "model_gone")
        #expect(run.text == "said")
        #expect(run.output.first?.isOpen == false)
        try await expectSound(run.id, in: engine.storage)
    }

    @Test("An agent can be a type")
    func agentType() async throws {
        struct Shouter: Agent {
            let manifest = AgentManifest(name: "shouter", description: "Shouts")
            func run(_ context: RunContext) async throws {
                #expect(context.agentName == "shouter")
                for message in context.input { try await context.yield(message.text.uppercased()) }
            }
        }
        let engine = makeEngine()
        try engine.agents.addAgent(Shouter())
        #expect(throws: RunEngineError.self) { try engine.agents.addAgent(Shouter()) }
        #expect(engine.agents.manifests.map(\.name) == ["shouter"])
        #expect(try await engine.call("shouter", "hey").text == "HEY")
    }

    // MARK: Yielding

    @Test("Events have the order of the protocol, and readers, storage and the run agree on them")
    func order() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("speaker") { context in
            try await context.yield("one ")
            try await context.yield(.artifact(name: "file.txt", content: "x"))
            try await context.yield(generic: Progress(done: 1))
            try await context.yield([MessagePart.text("two"), .text("three")])
            try await context.yield(Message("whole"))
            try await context.yield([Message("more"), Message("most")])
            try await context.yield("four")
            try await context.flush()
            try await context.flush()
            return "five"
        }
        let id = try await engine.start("speaker")
        let followed = try await engine.followed(id)
        let whole = ["message.created", "message.part", "message.completed"]
        var expected = ["run.created", "run.in-progress", "message.created", "message.part", "message.part", "generic"]
        expected += ["message.part", "message.part", "message.completed"]
        for _ in 0..<5 { expected += whole }
        expected.append("run.completed")
        #expect(followed.map(\.kind.rawValue) == expected)
        #expect(followed == (try await engine.storage.events(of: id)))
        #expect(try await engine.events(of: id).map { try $0.decode() } == followed)
        #expect(followed.last?.run == (try await engine.fetchRun(id)))
        #expect(followed.first?.run?.status == .created)
        for event in followed {
            switch event {
            case .messageCreated(let message):
                #expect(message.role == .agent("speaker") && message.isOpen && message.parts.isEmpty)
            case .messageCompleted(let message):
                #expect(message.role == .agent("speaker") && !message.isOpen && !message.parts.isEmpty)
            default: break
            }
        }
        try await expectSound(id, in: engine.storage)
    }

    @Test("Other values are sent as generic events, always as objects, and are not output")
    func generics() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("progress") { context in
            try await context.yield(generic: Progress(done: 3))
            try await context.yield(generic: 7)
            try await context.yield(generic: ["a": 1])
            try await context.yield(generic: [1, 2])
            try await context.yield(generic: JSONValue.null)
        }
        let run = try await engine.call("progress")
        let generics = try await engine.storage.events(of: run.id).compactMap { event -> JSONValue? in
            if case .generic(let value) = event { value } else { nil }
        }
        #expect(generics == [["done": 3], ["value": 7], ["a": 1], ["value": [1, 2]], ["value": nil]])
        #expect(run.output.isEmpty)
    }

    @Test("Invalid output throws to the handler and has no effect, and the run continues")
    func unspeakable() async throws {
        let engine = makeEngine()
        let refused = Shared()
        try engine.agents.addAgent("clumsy") { context in
            func attempt(_ step: () async throws -> Void) async {
                await #expect(throws: ACPError.self) { try await step() }
                refused.increment()
            }
            await attempt { try await context.yield(generic: Double.infinity) }
            await attempt { try await context.yield(MessagePart(content: "x", extra: ["n": .number(.nan)])) }
            await attempt { try await context.yield(MessagePart(content: "x", contentURL: "http://x")) }
            await attempt {
                try await context.yield(
                    Message(parts: [.text("a"), MessagePart(content: "?", contentEncoding: .base64)]))
            }
            await attempt { _ = try await context.awaitAnswer(to: .other(["n": .number(.infinity)])) }
            return "fine"
        }
        let run = try await engine.call("clumsy")
        #expect(refused.value == 5)
        #expect(run.status == .completed && run.text == "fine")
        #expect(
            try await engine.storage.kinds(run.id) == [
                "run.created", "run.in-progress", "message.created", "message.part", "message.completed",
                "run.completed",
            ])
    }

    @Test("Child tasks may send output concurrently, and all of it is sent once")
    func children() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("chorus") { context in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for voice in 0..<20 {
                    group.addTask { for word in 0..<50 { try await context.yield("\(voice):\(word) ") } }
                }
                try await group.waitForAll()
            }
        }
        let run = try await engine.call("chorus")
        #expect(run.output.count == 1)
        #expect(Set(run.text.split(separator: " ")).count == 1_000)
        try await expectSound(run.id, in: engine.storage)
    }

    @Test("A context cannot be used after its run has ended")
    func lateContext() async throws {
        let engine = makeEngine()
        let kept = Shared<RunContext?>(nil)
        try engine.agents.addAgent("leaker") { context in kept.set(context) }
        let run = try await engine.call("leaker")
        let context = try #require(kept.value)
        #expect(context.runID == run.id)
        await #expect(throws: CancellationError.self) { try await context.yield("late") }
        await #expect(throws: CancellationError.self) { try await context.yield(Message("late")) }
        await #expect(throws: CancellationError.self) { try await context.yield(generic: Progress(done: 1)) }
        await #expect(throws: CancellationError.self) { try await context.flush() }
        await #expect(throws: CancellationError.self) { _ = try await context.awaitMessage("late?") }
        #expect(try await engine.fetchRun(run.id) == run)
        #expect(try await engine.storage.eventCount(of: run.id) == 3)
    }

    // MARK: Creating

    @Test("An invalid request is refused before anything is stored")
    func refused() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        try engine.agents.addAgent("echo") { context in context.input }
        #expect(await refusal { _ = try await engine.call("nobody") } == "unknown agent")
        #expect(await refusal { _ = try await engine.execute(RunRequest(agent: "echo", input: [])) } == "invalid input")
        let bad = Message(parts: [MessagePart(content: "x", contentURL: "y")])
        #expect(await refusal { _ = try await engine.call("echo", bad) } == "invalid input")
        #expect(storage.record.commits.isEmpty)
        #expect(engine.activeRuns == 0)
    }

    @Test("A run is stored with its input before its handler starts")
    func storedFirst() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let found = Shared<Run?>(nil)
        try engine.agents.addAgent("looker") { context in
            found.set(try await storage.run(context.runID))
            #expect(try await storage.input(of: context.runID) == context.input)
        }
        let created = try await engine.start(RunRequest(agent: "looker", input: ["hello"], session: "s-1"))
        #expect(created.status == .created && created.sessionID == "s-1")
        _ = try await engine.endedRun(created.id)
        #expect(found.value?.status == .inProgress)
        #expect(found.value?.createdAt == created.createdAt)
    }
}
