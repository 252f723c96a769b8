// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Testing

@testable import A2AServer

@Suite struct TaskAgentTests {
    @Test func aReplyIsTheResponseInPlaceOfATask() async throws {
        let fixture = try TaskFixture { context in
            try await context.reply(
                with: A2A.Message(role: .user, parts: [.text("Direct")], metadata: ["a": 1], extensions: ["urn:x"]))
        }
        guard case .message(let reply) = try await fixture.send(.user("a", context: "c1")) else {
            Issue.record("a message was expected")
            return
        }
        #expect(reply.role == .agent && reply.parts == [.text("Direct")] && reply.metadata == ["a": 1])
        #expect(reply.extensions == ["urn:x"])
        #expect(reply.contextID == "c1" && reply.taskID == nil)
        // There is a task as well, for all others.
        let tasks = try await fixture.service.listTasks(.init(includesArtifacts: true), .init()).tasks
        #expect(tasks.count == 1)
        #expect(tasks.first?.status.message?.id == reply.id)
        #expect(tasks.first?.artifacts == [])
        let stream = try await fixture.elements(of: fixture.streaming(.user("a")))
        #expect(stream.map(\.kind) == ["task SUBMITTED", "WORKING", "COMPLETED"])
    }

    @Test func aReplyBesideOtherOutputIsTheMessageOfTheStatus() async throws {
        let fixture = try TaskFixture { context in
            try await context.yield("result")
            try await context.reply(with: A2A.Message(role: .agent, parts: [.text("Direct")]))
        }
        let task = try await fixture.task(.user("a"))
        #expect(task.artifacts == [A2A.Artifact(id: "output-0", parts: [.text("result")])])
        #expect(task.status.message?.text == "Direct")
        #expect(task.status.message?.id.rawValue == "\(task.id)-output-1")
        #expect(task.status.message?.taskID == task.id)
    }

    @Test func aTaskEndsWithAMessage() async throws {
        let fixture = try TaskFixture { context in
            try await context.finish(with: A2A.Message(role: .agent, parts: [.text("Hello from TCK")]))
        }
        let task = try await fixture.task(.user("a"))
        #expect(task.status.state == .completed)
        #expect(task.status.message?.text == "Hello from TCK")
        #expect(task.artifacts == [])
        // Callers over ACP get it as output.
        let run = try await fixture.engine.fetchRun(try #require(RunID(rawValue: task.id.rawValue)))
        #expect(run.text == "Hello from TCK")
    }

    @Test func aHandlerReturnsAnArtifactOrAMessage() async throws {
        let fixture = try TaskFixture { _ in }
        try fixture.engine.agents.addAgent("artifact") { _ in A2A.Artifact(id: "r", parts: [.data(["a": 1])]) }
        try fixture.engine.agents.addAgent("message") { _ in A2A.Message(role: .agent, parts: [.text("hi")]) }
        let artifact = TaskService(engine: fixture.engine, agent: "artifact", configuration: A2AConfiguration())
        let stream = try await artifact.sendStreamingMessage(.init(message: .user("a")), .init())
        let elements = try await fixture.elements(of: stream)
        #expect(elements.map(\.kind) == ["task SUBMITTED", "WORKING", "r.", "COMPLETED"])
        let message = TaskService(engine: fixture.engine, agent: "message", configuration: A2AConfiguration())
        let response = try await message.sendMessage(.init(message: .user("a")), .init())
        guard case .message(let reply) = response else {
            Issue.record("a message was expected")
            return
        }
        #expect(reply.text == "hi")
    }

    @Test func aHandlerSeesTheMessageOfTheCall() async throws {
        let seen = Signal<(A2A.Message?, JSONObject?, [String])>()
        let answered = Signal<A2A.Message>()
        let fixture = try TaskFixture { context in
            let input = try #require(context.input.first)
            seen.send((context.a2aMessage, input.a2aRequestMetadata, input.a2aExtensions))
            let question = A2A.Message(role: .agent, parts: [.text("why?")], metadata: ["form": [1]])
            answered.send(try await context.awaitMessage(question))
        }
        var message = A2A.Message(
            id: "m1", role: .user, parts: [.text("a"), .data(nil)], metadata: ["depth": 2], extensions: ["urn:x"],
            referenceTaskIDs: ["t0"])
        let response = try await fixture.service.sendMessage(
            .init(message: message, metadata: ["trace": "x"]), .init(extensions: ["urn:active"]))
        guard case .task(let task) = response else {
            Issue.record("a task was expected")
            return
        }
        (message.taskID, message.contextID) = (task.id, task.contextID)
        let (call, metadata, extensions) = try await seen.wait()
        #expect(call == message)
        #expect(metadata == ["trace": "x"] && extensions == ["urn:active"])
        #expect(task.history == [message])
        #expect(task.status.message?.metadata == ["form": [1]])
        let answer = A2A.Message(
            id: "m2", contextID: task.contextID, taskID: task.id, role: .user, parts: [.text("so")],
            metadata: ["b": 1])
        _ = try await fixture.task(answer)
        #expect(try await answered.wait() == answer)
        #expect(ACPCore.Message("over ACP").a2aExtensions == [])
    }

    @Test func anArtifactWithoutPartsIsRefused() async throws {
        let fixture = try TaskFixture { context in try await context.yield(A2A.Artifact(id: "r", parts: [])) }
        let task = try await fixture.task(.user("a"))
        #expect(task.status.state == .failed)
    }

    /// A handler that runs again after its process has ended sends the same.
    @Test func aTaskContinuesInAnotherProcess() async throws {
        @Sendable func run(_ context: RunContext) async throws {
            try await context.yield(A2A.Artifact(id: "r", name: "Report", parts: [.text("p")]), lastChunk: false)
            try await context.update(A2A.Message(role: .agent, parts: [.text("half")]))
            let answer = try await context.awaitMessage(A2A.Message(role: .agent, parts: [.text("why?")]))
            try await context.yield(A2A.Artifact(id: "r", parts: answer.parts), append: true)
            try await context.finish(with: A2A.Message(role: .agent, parts: [.text("bye")]))
        }
        let storage = MemoryStorage()
        let first = try TaskFixture(storage: storage, run: run)
        let asked = try await first.task(.user("a"))
        let id = try #require(RunID(rawValue: asked.id.rawValue))
        // What the handler of the second process sends is compared with this.
        let second = try TaskFixture(storage: MemoryStorage(), run: run)
        let other = try await second.task(.user("a"))
        let otherID = try #require(RunID(rawValue: other.id.rawValue))
        let traces = try await storage.events(of: id).compactMap(Self.content)
        #expect(try await second.engine.storage.events(of: otherID).compactMap(Self.content) == traces)
        #expect(traces.count == 5)
        let task = try await first.task(.user("so", task: asked.id))
        #expect(task.artifacts == [A2A.Artifact(id: "r", name: "Report", parts: [.text("p"), .text("so")])])
        #expect(task.status.message?.text == "bye")
    }

    /// What a handler must repeat when it runs again: the content of an event without timestamps.
    private static func content(_ event: Event) -> Event? {
        switch event {
        case .messageCreated(var message), .messageCompleted(var message):
            (message.createdAt, message.completedAt) = (nil, nil)
            return .messageCreated(message)
        case .messagePart, .generic: return event
        case .runAwaiting(let run):
            guard var message = run.awaitRequest?.message else { return nil }
            (message.createdAt, message.completedAt) = (nil, nil)
            return .messageCreated(message)
        default: return nil
        }
    }
}
