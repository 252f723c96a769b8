// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Testing

@testable import A2AServer

@Suite struct TaskStreamTests {
    /// An agent with all kinds of output, which asks twice.
    private func fixture() throws -> TaskFixture {
        try TaskFixture { context in
            try await context.yield("a")
            try await context.yield("b")
            try await context.yield(.artifact(name: "x", content: "1"))
            try await context.yield("c")
            try await context.yield(.artifact(name: "x", content: "2"))
            try await context.yield(A2A.Artifact(id: "", parts: [.text("l"), .text("m")]), lastChunk: false)
            try await context.yield(generic: ["progress": 1])
            try await context.yield(A2A.Artifact(id: "", parts: [.text("n")]), append: true)
            _ = try await context.awaitMessage("first?")
            try await context.yield(Message(role: .agent(nil), parts: [.text("d"), .text("e")]))
            try await context.yield(A2A.Artifact(id: "r", name: "Report", parts: [.text("p")]), lastChunk: false)
            try await context.update(.init(role: .agent, parts: [.text("half")]), metadata: ["share": 0.5])
            try await context.flush()
            try await context.yield(A2A.Artifact(id: "r", parts: [.text("q")]), append: true)
            _ = try await context.awaitMessage(A2A.Message(role: .agent, parts: [.text("second?")]))
            try await context.yield("f")
            try await context.finish(with: .init(role: .agent, parts: [.text("good"), .text("bye")]))
        }
    }

    @Test func aStreamBeginsWithTheTaskAndEndsWhenTheTaskNeedsInputOrHasEnded() async throws {
        let fixture = try fixture()
        let first = try await fixture.elements(of: fixture.streaming(.user("go", id: "m0")))
        #expect(
            first.map { "\($0.id) \($0.kind)" } == [
                "0 task SUBMITTED", "1 WORKING", "3 output-0", "4 output-0+", "5 output-0-x", "6 output-0+",
                "7 output-0-x+", "8 output-0.5", "9 output-0.5+", "10 WORKING", "11 output-0.5+.", "13 INPUT_REQUIRED",
            ])
        guard case .task(let task) = first.first?.response else {
            Issue.record("a task was expected")
            return
        }
        #expect(task.history.map(\.id) == ["m0"])
        guard case .statusUpdate(let progress) = first[9].response else {
            Issue.record("a status was expected")
            return
        }
        #expect(progress.metadata == ["progress": 1])
        #expect(progress.status == A2A.TaskStatus(state: .working, timestamp: nil))

        let second = try await fixture.elements(of: fixture.streaming(.user("1", id: "m1", task: task.id)))
        #expect(
            second.map { "\($0.id) \($0.kind)" } == [
                "14 task WORKING", "16 output-1", "17 output-1+", "20 r", "21 WORKING", "24 r+.", "26 INPUT_REQUIRED",
            ])
        guard case .task(let resumed) = second.first?.response, case .statusUpdate(let update) = second[4].response
        else {
            Issue.record("a task and a status were expected")
            return
        }
        #expect(resumed.history.map(\.text) == ["go", "first?", "1"])
        #expect(update.metadata == ["share": 0.5])
        #expect(update.status.message?.text == "half")
        #expect(update.status.message?.id.rawValue == "\(task.id)-update-21")

        let third = try await fixture.elements(of: fixture.streaming(.user("2", task: task.id)))
        #expect(third.map { "\($0.id) \($0.kind)" } == ["27 task WORKING", "29 output-4", "35 COMPLETED"])
        guard case .statusUpdate(let end) = third.last?.response else {
            Issue.record("a status was expected")
            return
        }
        #expect(end.status.message?.text == "goodbye")
        for element in first + second + third { try element.response.validate() }
        #expect(try await fixture.get(task.id).status == end.status)
    }

    /// Adds what a stream sends to a task, as clients do.
    private func apply(_ elements: [TaskElement], to task: inout A2A.Task) {
        for element in elements {
            switch element.response {
            case .task(let whole): task = whole
            case .statusUpdate(let update): task.status = update.status
            case .artifactUpdate(let update):
                guard let index = task.artifacts.firstIndex(where: { $0.id == update.artifact.id }) else {
                    #expect(!update.isAppended)
                    task.artifacts.append(update.artifact)
                    continue
                }
                if update.isAppended {
                    task.artifacts[index].parts += update.artifact.parts
                } else {
                    task.artifacts[index] = update.artifact
                }
            case .message, .unknown: Issue.record("\(element) was not expected")
            }
        }
    }

    private func endedTask(_ fixture: TaskFixture) async throws -> A2A.Task {
        let asked = try await fixture.task(.user("go"))
        _ = try await fixture.task(.user("1", task: asked.id))
        return try await fixture.task(.user("2", task: asked.id))
    }

    @Test func aStreamThatContinuesAfterAnyEventHasExactlyTheRest() async throws {
        let fixture = try fixture()
        let ended = try await endedTask(fixture)
        let run = try #require(RunID(rawValue: ended.id.rawValue))
        let events = try await fixture.engine.storage.events(of: run)
        var all: [TaskElement] = []
        var state = TaskEvents(of: run, in: ended.contextID.flatMap { SessionID(rawValue: $0.rawValue) })
        for (index, event) in events.enumerated() {
            all += try state.responses(to: EncodedEvent(event), at: index).map { .init(id: index, response: $0) }
        }
        for last in 0..<events.count {
            let stream = try await fixture.subscription(ended.id, after: last)
            #expect(stream.first == nil)
            #expect(try await fixture.elements(of: stream) == all.filter { $0.id > last }, "after \(last)")
        }
        for last in [-1, events.count, .max] {
            let error = await taskError { try await fixture.subscription(ended.id, after: last) }
            #expect(error?.code == .unsupportedOperation)
        }
    }

    /// The state does not depend on how much of the run was stored when the stream began, nor on the portions in which
    /// the events are read.
    @Test func aStreamIsTheSameWheneverItBegins() async throws {
        let fixture = try fixture()
        let ended = try await endedTask(fixture)
        let id = try #require(RunID(rawValue: ended.id.rawValue))
        let events = try await fixture.engine.storage.events(of: id)
        var all: [[A2A.StreamResponse]] = []
        var state = TaskEvents(of: id, in: ended.contextID.flatMap { SessionID(rawValue: $0.rawValue) })
        for (index, event) in events.enumerated() {
            all.append(try state.responses(to: EncodedEvent(event), at: index))
        }
        var run = try #require(events.first?.run)
        for stored in 1...events.count {
            if stored > 1 { run.apply(events[stored - 1]) }
            // A stream that begins with the task has the same end as all others, and together they are the task.
            var task = A2A.Task(run, input: [], historyLength: 0)
            var next = TaskEvents(after: run)
            for index in stored..<events.count {
                let responses = try next.responses(to: EncodedEvent(events[index]), at: index)
                #expect(responses == all[index], "after \(stored) events, event \(index)")
                apply(responses.map { TaskElement(id: index, response: $0) }, to: &task)
            }
            #expect(task.artifacts == ended.artifacts)
            #expect(task.status.state == .completed)
            for offset in 0...stored {
                var state = try await TaskEvents.state(before: offset, of: run, eventCount: stored, in: fixture.engine)
                let end = min(events.count, offset + 8)
                for index in offset..<end {
                    let responses = try state.responses(to: EncodedEvent(events[index]), at: index)
                    #expect(responses == all[index], "\(stored) events, from \(offset), event \(index)")
                }
            }
        }
    }

    @Test func subscribersGetTheSameEventsUntilTheTaskHasEnded() async throws {
        let fixture = try fixture()
        let asked = try await fixture.task(.user("go"))
        async let early = fixture.elements(of: fixture.subscription(asked.id))
        async let other = fixture.elements(of: fixture.subscription(asked.id))
        async let later = fixture.elements(of: fixture.subscription(asked.id, after: 5))
        // All have begun before the task continues, or not: the elements are the same.
        _ = try await fixture.task(.user("1", task: asked.id))
        let ended = try await fixture.task(.user("2", task: asked.id))
        let streams = try await [early, other]
        for stream in streams {
            guard case .task(let first) = stream.first?.response else {
                Issue.record("a task was expected")
                return
            }
            var task = first
            apply(Array(stream.dropFirst()), to: &task)
            #expect(task.artifacts == ended.artifacts)
            #expect(task.status == ended.status)
        }
        let common = max(streams[0].first?.id ?? 0, streams[1].first?.id ?? 0)
        #expect(streams[0].dropFirst().filter { $0.id > common } == streams[1].dropFirst().filter { $0.id > common })
        let rest = try await later
        #expect(rest.first?.id == 6)
        #expect(rest.last?.kind == "COMPLETED")
    }

    /// A member in snake case would be taken for one that is not converted.
    @Test func noMemberHasANameInSnakeCase() async throws {
        func names(in value: JSONValue) -> [String] {
            switch value {
            case .array(let elements): elements.flatMap(names)
            case .object(let members): members.keys + members.values.flatMap(names)
            default: []
            }
        }
        let fixture = try TaskFixture { context in
            try await context.yield(.text("a", metadata: .citation(CitationMetadata(startIndex: 1, endIndex: 2))))
            try await context.yield(.text("a", metadata: .trajectory(TrajectoryMetadata(toolName: "t"))))
            try await context.yield(A2A.Artifact(id: "r", parts: [.raw([1]), .url("https://a/b"), .data(["a": 1])]))
            try await context.yield(MessagePart(contentType: "text/html", contentURL: "https://a/b"))
            _ = try await context.awaitAnswer(to: .other(["a": 1]))
        }
        let elements = try await fixture.elements(of: fixture.streaming(.user("go")))
        for element in elements {
            let json = try ACPJSON.decode(JSONValue.self, from: A2AJSON.encode(element.response))
            #expect(names(in: json).filter { $0.contains("_") } == [])
        }
        let tasks = try await fixture.service.listTasks(.init(includesArtifacts: true), .init())
        let json = try ACPJSON.decode(JSONValue.self, from: A2AJSON.encode(tasks))
        #expect(names(in: json).filter { $0.contains("_") } == [])
    }

    @Test func aSubscriptionIsRefusedWithoutAnythingToFollow() async throws {
        let fixture = try TaskFixture.echo()
        let ended = try await fixture.task(.user("a"))
        let error = await taskError { try await fixture.subscription(ended.id) }
        #expect(error?.code == .unsupportedOperation)
        let unknown = await taskError { try await fixture.subscription("unknown") }
        #expect(unknown?.code == .taskNotFound)
        let off = TaskService(
            engine: fixture.engine, agent: "agent", configuration: A2AConfiguration(hasStreaming: false))
        let subscribe = await taskError { try await off.subscribeToTask(.init(id: ended.id), .init()) }
        #expect(subscribe?.code == .unsupportedOperation)
        let send = await taskError { try await off.sendStreamingMessage(.init(message: .user("a")), .init()) }
        #expect(send?.code == .unsupportedOperation)
        #expect(try await fixture.engine.runs(RunQuery()).total == 1)
    }

    @Test func anUnknownEventNumberBeginsWithTheTask() async throws {
        let fixture = try TaskFixture.asking()
        let asked = try await fixture.task(.user("a"))
        for last in [-1, 3, 1_000] {
            let stream = try await fixture.subscription(asked.id, after: last)
            #expect(stream.first?.eventID == 2)
        }
        let stream = try await fixture.subscription(asked.id, after: 2)
        #expect(stream.first == nil)
        #expect(stream.offset == 3)
    }

    @Test func aStreamingMessageThatIsSentAgainGetsTheRest() async throws {
        let fixture = try TaskFixture.asking()
        let message = A2A.Message.user("a b", id: "m0")
        let call = TaskService.Call(idempotencyKey: "k")
        let first = try await fixture.elements(of: fixture.streaming(message, call))
        #expect(first.map(\.kind) == ["task SUBMITTED", "WORKING", "INPUT_REQUIRED"])
        // Nothing follows: the last event is repeated, and ends the stream.
        let again = try await fixture.elements(of: fixture.streaming(message, call))
        #expect(again.map(\.kind) == ["task INPUT_REQUIRED", "INPUT_REQUIRED"])
        #expect(again.map(\.id) == [2, 2])
        for last in -1...3 {
            let rest = try await fixture.elements(
                of: fixture.streaming(message, .init(idempotencyKey: "k", lastEventID: last)))
            #expect(rest == (0..<2 ~= last ? first.filter { $0.id > last } : again), "after \(last)")
        }
        guard case .task(let task) = first.first?.response else { return }
        let answer = A2A.Message.user("1", id: "m1", task: task.id)
        let answered = try await fixture.elements(of: fixture.streaming(answer, .init()))
        #expect(answered.map(\.kind) == ["task WORKING", "output-0", "INPUT_REQUIRED"])
        let repeated = try await fixture.elements(of: fixture.streaming(answer, .init()))
        #expect(repeated.map(\.kind) == ["task INPUT_REQUIRED", "INPUT_REQUIRED"])
        let rest = try await fixture.elements(of: fixture.streaming(answer, .init(lastEventID: 3)))
        #expect(rest.map(\.kind) == ["output-0", "INPUT_REQUIRED"])
    }
}
