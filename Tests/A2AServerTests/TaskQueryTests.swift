// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Testing

@testable import A2AServer

@Suite struct TaskQueryTests {
    // MARK: Getting

    @Test func aTaskIsFoundByItsOwnAgentOnly() async throws {
        let fixture = try TaskFixture.echo()
        try fixture.engine.agents.addAgent("other") { _ in }
        let other = TaskService(engine: fixture.engine, agent: "other", configuration: A2AConfiguration())
        let task = try await fixture.task(.user("a"))
        let calls: [() async throws -> Any] = [
            { try await other.getTask(.init(id: task.id), .init()) },
            { try await other.cancelTask(.init(id: task.id), .init()) },
            { try await other.subscribeToTask(.init(id: task.id), .init(lastEventID: 0)) },
            { try await fixture.get("unknown") },
            { try await fixture.get("no task!") },
            { try await fixture.service.cancelTask(.init(id: "unknown"), .init()) },
        ]
        for call in calls {
            let error = await taskError(call)
            #expect(error?.code == .taskNotFound)
            #expect(error?.metadata["taskId"]?.isEmpty == false)
        }
        #expect(try await other.listTasks(.init(), .init()).tasks == [])
    }

    @Test func aRunOfACPIsATask() async throws {
        let fixture = try TaskFixture.echo()
        let run = try await fixture.engine.execute(RunRequest(agent: "agent", input: ["a", "b"], session: "s"))
        let task = try await fixture.get(A2A.TaskID(run.id))
        #expect(task.contextID == "s")
        #expect(task.history.map(\.id.rawValue) == ["\(run.id)-input-0", "\(run.id)-input-1"])
        #expect(task.artifacts.map(\.parts) == [[.text("ab")]])
    }

    // MARK: Canceling

    @Test func aTaskThatWorksOrWaitsIsCanceled() async throws {
        let fixture = try TaskFixture { context in
            if context.input.map(\.text) == ["ask"] { _ = try await context.awaitMessage("why?") }
            try await context.yield("half")
            try await Task.sleep(for: .seconds(3_600))
        }
        let working = try await fixture.task(.user("work"), .init(returnsImmediately: true))
        let asked = try await fixture.task(.user("ask"))
        for id in [working.id, asked.id] {
            let task = try await fixture.service.cancelTask(.init(id: id), .init())
            #expect(task.status.state == .canceled)
            #expect(task == (try await fixture.get(id)))
            let again = await taskError { try await fixture.service.cancelTask(.init(id: id), .init()) }
            #expect(again?.code == .taskNotCancelable)
        }
    }

    @Test func aTaskThatDoesNotStopIsReturnedAsItIs() async throws {
        let latch = Signal<Void>()
        let fixture = try TaskFixture(cancellationGrace: .milliseconds(1)) { _ in
            _ = try? await Task { try await latch.wait() }.value
        }
        let task = try await fixture.task(.user("a"), .init(returnsImmediately: true))
        let canceled = try await fixture.service.cancelTask(.init(id: task.id), .init())
        #expect([.working, .canceled].contains(canceled.status.state))
        try await fixture.wait(for: .canceled, of: task.id)
        latch.send(())
    }

    @Test func aTaskThatHasEndedIsNotCancelable() async throws {
        let fixture = try TaskFixture.echo()
        let task = try await fixture.task(.user("a"))
        let error = await taskError { try await fixture.service.cancelTask(.init(id: task.id), .init()) }
        #expect(error?.code == .taskNotCancelable)
        #expect(error?.metadata == ["taskId": task.id.rawValue])
    }

    // MARK: Listing

    private func states() throws -> TaskFixture {
        try TaskFixture { context in
            switch context.input.map(\.text).joined() {
            case "ask": try await context.yield(try await context.awaitMessage("why?").text)
            case "authenticate": _ = try await context.awaitAuthentication("sign in")
            case "fail": throw ACPError(.serverError, "broken")
            case "reject": throw ACPError(.rejected, "no")
            case "work": try await Task.sleep(for: .seconds(3_600))
            default: try await context.yield("done")
            }
        }
    }

    private func list(_ fixture: TaskFixture, _ request: A2A.ListTasksRequest) async throws -> A2A.ListTasksResponse {
        let response = try await fixture.service.listTasks(request, .init())
        try response.validate()
        return response
    }

    @Test func aListHasTheTasksInAStateOrAContext() async throws {
        let fixture = try states()
        var ids: [String: A2A.TaskID] = [:]
        for text in ["ask", "authenticate", "fail", "reject", "complete"] {
            ids[text] = try await fixture.task(.user(text, context: text == "ask" ? "c1" : nil)).id
        }
        let working = try await fixture.task(.user("work", context: "c1"), .init(returnsImmediately: true))
        try await fixture.wait(for: .working, of: working.id)
        ids["work"] = working.id
        let states: [String: A2A.TaskState] = [
            "ask": .inputRequired, "authenticate": .authRequired, "fail": .failed, "reject": .rejected,
            "complete": .completed, "work": .working,
        ]
        for (text, state) in states {
            let page = try await list(fixture, .init(status: state))
            #expect(page.tasks.map(\.id) == [ids[text]])
            #expect(page.tasks.map(\.status.state) == [state])
            #expect(page.totalSize == 1 && page.nextPageToken == "" && page.pageSize == 50)
        }
        #expect(try await list(fixture, .init(status: .submitted)).tasks == [])
        #expect(try await list(fixture, .init(status: .unspecified)).totalSize == 6)
        #expect(Set(try await list(fixture, .init(contextID: "c1")).tasks.map(\.id)) == [ids["ask"], ids["work"]])
        #expect(try await list(fixture, .init(contextID: "c1", status: .working)).tasks.map(\.id) == [working.id])
        #expect(try await list(fixture, .init(contextID: "c2")).totalSize == 0)
        _ = try await fixture.service.cancelTask(.init(id: working.id), .init())
        #expect(try await list(fixture, .init(status: .canceled)).tasks.map(\.id) == [working.id])
    }

    @Test func aListHasTheLastChangeFirstAndWhatWasAskedFor() async throws {
        let fixture = try states()
        let asked = try await fixture.task(.user("ask"))
        let second = try await fixture.task(.user("b"))
        var page = try await list(fixture, .init())
        #expect(page.tasks.map(\.id) == [second.id, asked.id])
        #expect(page.tasks.allSatisfy { $0.artifacts.isEmpty })
        #expect(page.tasks.map { $0.history.map(\.text) } == [["b"], ["ask"]])
        let third = try await fixture.task(.user("because", task: asked.id))
        page = try await list(fixture, .init(historyLength: 1, includesArtifacts: true))
        #expect(page.tasks.map(\.id) == [asked.id, second.id])
        #expect(page.tasks.map { $0.history.map(\.text) } == [["because"], ["b"]])
        #expect(page.tasks.map(\.artifacts) == [third.artifacts, second.artifacts])
        #expect(page.tasks.first?.status == third.status)
        #expect(try await list(fixture, .init(historyLength: 0)).tasks.allSatisfy { $0.history.isEmpty })

        let since = try #require(third.status.timestamp)
        #expect(try await list(fixture, .init(statusTimestampAfter: since)).tasks.map(\.id) == [asked.id])
        let later = Timestamp(microseconds: since.microseconds + 1)
        #expect(try await list(fixture, .init(statusTimestampAfter: later)).totalSize == 0)
    }

    @Test func pagesHaveEachTaskOnceAlsoWhileOthersChange() async throws {
        let fixture = try states()
        var ids: [A2A.TaskID] = []
        for _ in 0..<7 { ids.append(try await fixture.task(.user("ask")).id) }
        var seen: [A2A.TaskID] = []
        var token: String?
        var pages = 0
        repeat {
            let page = try await list(fixture, .init(pageSize: 2, pageToken: token))
            seen += page.tasks.map(\.id)
            #expect(page.totalSize == 7 + pages && page.pageSize == 2)
            token = page.nextPageToken
            pages += 1
            // A task that was listed changes, and a new one is created: the rest stays the same.
            if let last = page.tasks.last { _ = try await fixture.task(.user("because", task: last.id)) }
            _ = try await fixture.task(.user("new"))
        } while token != ""
        #expect(seen == ids.reversed())
        #expect(pages == 4)
        // The last page may be full.
        let page = try await list(fixture, .init(pageSize: 11))
        #expect(page.tasks.count == 11 && page.nextPageToken == "")
    }

    @Test func aPageOfLargeTasksHasFewerOfThem() async throws {
        let fixture = try TaskFixture.echo()
        let text = String(repeating: "a", count: 1_000_000)
        var ids: [A2A.TaskID] = []
        for _ in 0..<20 { ids.append(try await fixture.task(.user(text)).id) }
        var seen: [A2A.TaskID] = []
        var token: String?
        var sizes: [Int] = []
        repeat {
            let page = try await list(fixture, .init(pageToken: token))
            seen += page.tasks.map(\.id)
            sizes.append(page.tasks.count)
            #expect(page.totalSize == 20)
            token = page.nextPageToken
        } while token != ""
        #expect(seen == ids.reversed())
        #expect(sizes.count > 1)
        #expect(try await list(fixture, .init(historyLength: 0)).tasks.count == 20)
    }

    @Test func wrongParametersOfAListAreRefused() async throws {
        let fixture = try states()
        let requests: [(String, A2A.ListTasksRequest)] = [
            ("pageSize", .init(pageSize: 0)), ("pageSize", .init(pageSize: 101)), ("pageSize", .init(pageSize: -1)),
            ("historyLength", .init(historyLength: -1)), ("pageToken", .init(pageToken: "?")),
            ("pageToken", .init(pageToken: "abcd")), ("contextId", .init(contextID: "no context!")),
        ]
        for (field, request) in requests {
            let error = await taskError { try await fixture.service.listTasks(request, .init()) }
            #expect(error?.code == .invalidParams)
            #expect(error?.violations.map(\.field) == [field])
        }
        for size in [1, 100] { #expect(try await list(fixture, .init(pageSize: size)).pageSize == size) }
    }
}
