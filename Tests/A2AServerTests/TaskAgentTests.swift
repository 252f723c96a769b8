// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPStorage
import ACPTestSupport
import Testing

@testable import A2AServer
@testable import ACPRuntime

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

    /// A handler that runs again in another process has to send the same: it is compared with the stored events, except
    /// for timestamps.
    @Test func aHandlerThatRunsAgainSendsTheSame() async throws {
        let fixture = try TaskFixture { context in
            try await context.yield(A2A.Artifact(id: "r", name: "Report", parts: [.text("p")]), lastChunk: false)
            try await context.update(A2A.Message(role: .agent, parts: [.text("half")]), metadata: ["share": 0.5])
            try await context.yield(A2A.Artifact(id: "", parts: [.text("q")]))
            let answer = try await context.awaitMessage(
                A2A.Message(role: .agent, parts: [.text("\(context.a2aMessage?.text ?? "")?")]))
            try await context.yield(A2A.Artifact(id: "r", parts: answer.parts), append: true)
            try await context.finish(with: A2A.Message(role: .agent, parts: [.text("bye")]))
        }
        var traces: [[Replay.Trace]] = []
        for _ in 0..<2 {
            let asked = try await fixture.task(.user("why"))
            #expect(asked.status.message?.text == "why?")
            let task = try await fixture.task(.user("so", task: asked.id))
            #expect(
                task.artifacts == [
                    A2A.Artifact(id: "r", name: "Report", parts: [.text("p"), .text("so")]),
                    A2A.Artifact(id: "output-0.1", parts: [.text("q")]),
                ])
            #expect(task.status.message?.text == "bye")
            let id = try #require(RunID(rawValue: task.id.rawValue))
            traces.append(try await fixture.engine.events(of: id).map { try Replay.Trace($0) })
        }
        #expect(traces[0] == traces[1])
        #expect(traces[0].count == 16)
    }
}
