// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Testing

@testable import A2AServer

@Suite struct TaskSendingTests {
    @Test func aMessageReturnsTheTaskWhenItHasEnded() async throws {
        let fixture = try TaskFixture.echo()
        let message = A2A.Message(
            id: "m1", contextID: "my-context", role: .user, parts: [.text("hello")], metadata: ["a": 1],
            extensions: ["urn:x"], referenceTaskIDs: ["t0"])
        let task = try await fixture.task(message)
        #expect(task.contextID == "my-context")
        #expect(task.status.state == .completed)
        #expect(task.status.message == nil)
        #expect(task.artifacts == [A2A.Artifact(id: "output-0", parts: [.text("hello")])])
        var sent = message
        sent.taskID = task.id
        #expect(task.history == [sent])
        #expect(try await fixture.get(task.id) == task)
        try task.validate()
    }

    @Test func eachMessageWithoutATaskBeginsOneAlsoWithTheSameID() async throws {
        let fixture = try TaskFixture.echo()
        let first = try await fixture.task(.user("a", id: "m"))
        let second = try await fixture.task(.user("a", id: "m"))
        #expect(first.id != second.id)
        #expect(first.contextID != nil && first.contextID != second.contextID)
    }

    @Test func aMessageReturnsAtOnceIfTheClientDoesNotWait() async throws {
        let latch = Signal<Void>()
        let fixture = try TaskFixture { context in
            try await latch.wait()
            try await context.yield("done")
        }
        let task = try await fixture.task(.user("a", id: "m"), .init(returnsImmediately: true))
        #expect(task.status.state == .submitted)
        #expect(task.history.map(\.id) == ["m"])
        latch.send(())
        try await fixture.wait(for: .completed, of: task.id)
        #expect(try await fixture.get(task.id).artifacts.first?.parts == [.text("done")])
    }

    @Test func theHistoryIsAsLongAsAskedFor() async throws {
        let fixture = try TaskFixture.asking()
        var task = try await fixture.task(.user("a b"), .init(historyLength: 0))
        #expect(task.history == [])
        task = try await fixture.task(.user("1", task: task.id), .init(historyLength: 0))
        #expect(task.history == [])
        task = try await fixture.task(.user("2", task: task.id), .init(historyLength: 3))
        #expect(task.history.map(\.text) == ["1", "b?", "2"])
        for length in 0...6 {
            let part = try await fixture.get(task.id, historyLength: length)
            #expect(part.history.map(\.text) == Array(["a b", "a?", "1", "b?", "2"].suffix(length)))
        }
        let error = await taskError { try await fixture.get(task.id, historyLength: -1) }
        #expect(error?.code == .invalidParams)
        #expect(error?.violations.map(\.field) == ["historyLength"])
    }

    // MARK: Questions

    @Test func anAnswerContinuesTheTask() async throws {
        let fixture = try TaskFixture.asking()
        let asked = try await fixture.task(.user("a b", id: "m0"))
        #expect(asked.status.state == .inputRequired)
        #expect(asked.status.message?.text == "a?")
        #expect(asked.history.map(\.id) == ["m0"])
        let again = try await fixture.task(.user("1", id: "m1", task: asked.id))
        #expect(again.status.state == .inputRequired)
        #expect(again.status.message?.text == "b?")
        #expect(again.history.map(\.text) == ["a b", "a?", "1"])
        // The question has the id that it had.
        #expect(again.history[1].id == asked.status.message?.id)
        let done = try await fixture.task(.user("2", id: "m2", task: asked.id, context: asked.contextID))
        #expect(done.id == asked.id && done.contextID == asked.contextID)
        #expect(done.status.state == .completed)
        #expect(done.history.map(\.text) == ["a b", "a?", "1", "b?", "2"])
        #expect(done.artifacts.map(\.id) == ["output-0", "output-1"])
    }

    @Test func anAnswerReturnsAtOnceIfTheClientDoesNotWait() async throws {
        let latch = Signal<Void>()
        let fixture = try TaskFixture { context in
            _ = try await context.awaitMessage("why?")
            try await latch.wait()
        }
        let asked = try await fixture.task(.user("a"))
        let task = try await fixture.task(.user("b", task: asked.id), .init(returnsImmediately: true))
        #expect(task.status.state == .working)
        #expect(task.history.map(\.text) == ["a", "why?", "b"])
        latch.send(())
        try await fixture.wait(for: .completed, of: task.id)
    }

    @Test func anAnswerFindsItsTaskAndContextOrIsRefused() async throws {
        let fixture = try TaskFixture.asking()
        let other = TaskService(engine: fixture.engine, agent: "other", configuration: A2AConfiguration())
        try fixture.engine.agents.addAgent("other") { _ in }
        let asked = try await fixture.task(.user("a"))

        for id: A2A.TaskID in ["unknown", "not an id", "..", A2A.TaskID()] {
            let error = await taskError { try await fixture.send(.user("x", task: id)) }
            #expect(error?.code == .taskNotFound)
        }
        let foreign = await taskError {
            try await other.sendMessage(.init(message: .user("x", task: asked.id)), .init())
        }
        #expect(foreign?.code == .taskNotFound)
        for context: A2A.ContextID in ["another", "no context!"] {
            let error = await taskError { try await fixture.send(.user("x", task: asked.id, context: context)) }
            #expect(error?.code == .invalidParams)
            #expect(error?.violations.map(\.field) == ["message.contextId"])
        }
        let context = await taskError { try await fixture.send(.user("x", context: "no context!")) }
        #expect(context?.violations.map(\.field) == ["message.contextId"])

        let done = try await fixture.task(.user("x", task: asked.id))
        #expect(done.status.state == .completed)
        let ended = await taskError { try await fixture.send(.user("y", task: asked.id)) }
        #expect(ended?.code == .unsupportedOperation)
        #expect(ended?.metadata["taskId"] == asked.id.rawValue)
    }

    @Test func aTaskThatWorksTakesNoMessage() async throws {
        let latch = Signal<Void>()
        let fixture = try TaskFixture { _ in try await latch.wait() }
        let task = try await fixture.task(.user("a"), .init(returnsImmediately: true))
        let error = await taskError { try await fixture.send(.user("b", task: task.id)) }
        #expect(error?.code == .unsupportedOperation)
        let streaming = await taskError { try await fixture.streaming(.user("b", task: task.id)) }
        #expect(streaming?.code == .unsupportedOperation)
        latch.send(())
    }

    @Test func anIncompleteMessageIsRefusedWithTheFieldsThatAreWrong() async throws {
        let fixture = try TaskFixture.echo()
        let error = await taskError {
            try await fixture.send(A2A.Message(id: "", role: .unspecified, parts: [.text("a")]))
        }
        #expect(error?.code == .invalidParams)
        #expect(error?.violations.map(\.field) == ["message.messageId", "message.role"])
        var deep = JSONValue.null
        for _ in 0..<100 { deep = [deep] }
        let message = A2A.Message(role: .user, parts: [.text("a"), .data(deep)], metadata: ["a": deep])
        let nested = await taskError { try await fixture.send(message) }
        #expect(nested?.violations.map(\.field) == ["message.metadata"])
    }

    // MARK: Endings

    @Test func theWaysInWhichATaskEndsOrPauses() async throws {
        let fixture = try TaskFixture { context in
            switch context.input.map(\.text).joined() {
            case "fail": throw ACPError("quota_exceeded", "the quota is used up")
            case "reject": throw ACPError(.rejected, "I do not do that")
            case "authenticate": try await context.yield(try await context.awaitAuthentication("sign in").text)
            default: break
            }
        }
        let failed = try await fixture.task(.user("fail"))
        #expect(failed.status.state == .failed)
        #expect(failed.status.message?.text == "the quota is used up")
        let rejected = try await fixture.task(.user("reject"))
        #expect(rejected.status.state == .rejected)
        #expect(rejected.status.message?.text == "I do not do that")
        let asked = try await fixture.task(.user("authenticate"))
        #expect(asked.status.state == .authRequired)
        #expect(asked.status.message?.text == "sign in")
        let done = try await fixture.task(.user("I did", task: asked.id))
        #expect(done.status.state == .completed)
        #expect(done.history.map(\.text) == ["authenticate", "sign in", "I did"])
        #expect(try await fixture.task(.user("nothing")).artifacts == [])
    }

    // MARK: Repetitions

    @Test func aMessageWithTheSameKeyReturnsTheSameTask() async throws {
        let fixture = try TaskFixture.asking()
        let first = try await fixture.task(.user("a", id: "m1"), key: "k1")
        let second = try await fixture.task(.user("a", id: "m2"), key: "k1")
        #expect(second == first)
        #expect(second.history.map(\.id) == ["m1"])
        let other = await taskError { try await fixture.send(.user("b"), key: "k1") }
        #expect(other?.code == .idempotencyKeyReused)
        #expect(try await fixture.task(.user("a"), key: "k2").id != first.id)
        let done = try await fixture.task(.user("x", task: first.id))
        let late = try await fixture.task(.user("a", id: "m1"), key: "k1")
        #expect(late == done)
    }

    @Test func anAnswerThatIsSentAgainReturnsTheTaskAsItIs() async throws {
        let fixture = try TaskFixture.asking()
        let asked = try await fixture.task(.user("a b"))
        let answer = A2A.Message.user("1", id: "m1", task: asked.id)
        let again = try await fixture.task(answer, key: "k1")
        #expect(again.status.message?.text == "b?")
        // With the same id, or the same key.
        #expect(try await fixture.task(answer) == again)
        #expect(try await fixture.task(.user("1", id: "m1'", task: asked.id), key: "k1") == again)
        let reused = await taskError { try await fixture.send(.user("2", task: asked.id), key: "k1") }
        #expect(reused?.code == .idempotencyKeyReused)
        // The same id with another content is another answer.
        let done = try await fixture.task(.user("2", id: "m1", task: asked.id))
        #expect(done.status.state == .completed)
        #expect(done.history.map(\.text) == ["a b", "a?", "1", "b?", "2"])
        // The task has ended meanwhile.
        #expect(try await fixture.task(answer) == done)
        let stream = try await fixture.elements(of: fixture.streaming(answer))
        #expect(stream.map(\.kind) == ["task COMPLETED"])
    }

    @Test func ofConcurrentAnswersTheSameOneIsTakenOnceAndAnotherOneRefused() async throws {
        let fixture = try TaskFixture.asking()
        for _ in 0..<20 {
            let asked = try await fixture.task(.user("a"))
            let answer = A2A.Message.user("1", id: "m1", task: asked.id)
            try await withThrowingTaskGroup(of: A2A.Task.self) { group in
                for _ in 0..<4 { group.addTask { try await fixture.task(answer) } }
                for try await task in group {
                    #expect(task.status.state == .completed)
                    #expect(task.history.map(\.text) == ["a", "a?", "1"])
                }
            }
            let other = await taskError { try await fixture.send(.user("2", task: asked.id)) }
            #expect(other?.code == .unsupportedOperation)
        }
    }

    // MARK: Push notifications

    @Test func aPushConfigurationIsRefusedBeforeATaskIsCreated() async throws {
        let fixture = try TaskFixture.echo()
        let configuration = A2A.SendMessageConfiguration(pushNotificationConfig: .init(url: "https://example.com"))
        var service = fixture.service
        service.push = PushService(engine: fixture.engine)
        let off = TaskService(
            engine: fixture.engine, agent: "agent", configuration: A2AConfiguration(hasPushNotifications: false),
            push: service.push)
        for service in [fixture.service, off] {
            let error = await taskError {
                try await service.sendMessage(.init(message: .user("a"), configuration: configuration), .init())
            }
            #expect(error?.code == .pushNotificationNotSupported)
        }
        #expect(try await fixture.engine.runs(RunQuery()).total == 0)
    }
    @Test func aWrongPushConfigurationIsRefusedBeforeATaskIsCreated() async throws {
        let fixture = try TaskFixture.echo()
        var service = fixture.service
        service.push = PushService(engine: fixture.engine)
        let configuration = A2A.SendMessageConfiguration(pushNotificationConfig: .init(url: "no URL"))
        let error = await taskError {
            try await service.sendMessage(.init(message: .user("a"), configuration: configuration), .init())
        }
        #expect(error?.code == .invalidParams)
        #expect(error?.violations.map(\.field) == ["configuration.taskPushNotificationConfig.url"])
        #expect(try await fixture.engine.runs(RunQuery()).total == 0)
    }

    @Test func aMessageBringsThePushConfigurationOfItsTask() async throws {
        let fixture = try TaskFixture.asking()
        let push = PushService(engine: fixture.engine)
        var service = fixture.service
        service.push = push
        func configs(of task: A2A.TaskID) async throws -> [A2A.TaskPushNotificationConfig] {
            try await push.list(.init(taskID: task)).configs
        }
        func send(_ message: A2A.Message, _ config: A2A.TaskPushNotificationConfig, key: String? = nil) async throws
            -> A2A.TaskID?
        {
            let response = try await service.sendMessage(
                .init(message: message, configuration: .init(pushNotificationConfig: config)),
                .init(idempotencyKey: key))
            if case .task(let task) = response { return task.id } else { return nil }
        }
        // A host that no name resolves to: nothing is delivered.
        let url = "https://push.invalid/hook"
        for _ in 0..<2 {
            let task = try #require(try await send(.user("a"), .init(url: url), key: "k"))
            #expect(
                try await configs(of: task) == [
                    A2A.TaskPushNotificationConfig(id: .init(rawValue: task.rawValue), taskID: task, url: url)
                ])
        }
        let task = try #require(try await send(.user("a"), .init(id: "mine", url: url)))
        #expect(try await send(.user("b", task: task), .init(id: "other", url: url)) == task)
        #expect(Set(try await configs(of: task).map(\.id)) == ["mine", "other"])
        for config in try await configs(of: task) {
            try await push.delete(.init(taskID: task, id: config.id ?? ""))
        }
    }
}
