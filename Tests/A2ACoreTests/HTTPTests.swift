// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Testing

@Suite("HTTP paths and queries")
struct HTTPTests {
    static let calls: [(String, String, A2A.HTTPCall)] = [
        ("POST", "/message:send", A2A.HTTPCall(.sendMessage)),
        ("POST", "/message:stream", A2A.HTTPCall(.sendStreamingMessage)),
        ("GET", "/tasks/t1", A2A.HTTPCall(.getTask, taskID: "t1")), ("GET", "/tasks", A2A.HTTPCall(.listTasks)),
        ("POST", "/tasks/t1:cancel", A2A.HTTPCall(.cancelTask, taskID: "t1")),
        ("POST", "/tasks/t1:subscribe", A2A.HTTPCall(.subscribeToTask, taskID: "t1")),
        (
            "POST", "/tasks/t1/pushNotificationConfigs", A2A.HTTPCall(.createTaskPushNotificationConfig, taskID: "t1")
        ),
        ("GET", "/tasks/t1/pushNotificationConfigs", A2A.HTTPCall(.listTaskPushNotificationConfigs, taskID: "t1")),
        (
            "GET", "/tasks/t1/pushNotificationConfigs/p1",
            A2A.HTTPCall(.getTaskPushNotificationConfig, taskID: "t1", pushConfigID: "p1")
        ),
        (
            "DELETE", "/tasks/t1/pushNotificationConfigs/p1",
            A2A.HTTPCall(.deleteTaskPushNotificationConfig, taskID: "t1", pushConfigID: "p1")
        ),
        ("GET", "/extendedAgentCard", A2A.HTTPCall(.getExtendedAgentCard)),
    ]

    @Test("Each method has its verb and its path, with a tenant and without", arguments: calls)
    func paths(verb: String, path: String, call: A2A.HTTPCall) {
        #expect(call.path == path)
        #expect(call.verb == verb)
        #expect(A2A.HTTPCall.match(verb: verb, path: path) == .call(call))
        #expect(A2A.HTTPCall.match(verb: verb, path: path + "/") == .call(call))
        var tenanted = call
        tenanted.tenant = "acme corp"
        #expect(tenanted.path == "/acme%20corp" + path)
        #expect(A2A.HTTPCall.match(verb: verb, path: tenanted.path) == .call(tenanted))
    }

    @Test("The table covers all methods")
    func allMethods() {
        #expect(Set(Self.calls.map(\.2.method)) == Set(A2A.Method.allCases))
        for (_, path, call) in Self.calls {
            let filled = call.method.pathTemplate.replacing("{taskId}", with: "t1").replacing(
                "{id}", with: call.pushConfigID == nil ? "t1" : "p1")
            #expect(filled == path)
        }
    }

    @Test("A subscription is made with both verbs")
    func subscribe() {
        let call = A2A.HTTPCall(.subscribeToTask, taskID: "t1")
        #expect(A2A.HTTPCall.match(verb: "GET", path: "/tasks/t1:subscribe") == .call(call))
    }

    @Test(
        "An identifier with colons, slashes or an operation in it is found again",
        arguments: [
            "a:b", "a/b", "x:cancel", "x:subscribe", "urn:task:1", "a b%+", "ü", ".", "tasks",
            "pushNotificationConfigs", "a?b#c",
        ])
    func identifiers(id: String) {
        for method in [A2A.Method.getTask, .cancelTask, .subscribeToTask] {
            let call = A2A.HTTPCall(method, tenant: "t:n/x", taskID: A2A.TaskID(rawValue: id))
            #expect(A2A.HTTPCall.match(verb: call.verb, path: call.path) == .call(call))
        }
        let call = A2A.HTTPCall(
            .getTaskPushNotificationConfig, taskID: A2A.TaskID(rawValue: id),
            pushConfigID: A2A.PushConfigID(rawValue: id))
        #expect(A2A.HTTPCall.match(verb: call.verb, path: call.path) == .call(call))
    }

    @Test("An operation is behind the last colon")
    func lastColon() {
        #expect(
            A2A.HTTPCall.match(verb: "POST", path: "/tasks/a:subscribe:cancel")
                == .call(A2A.HTTPCall(.cancelTask, taskID: "a:subscribe")))
        #expect(
            A2A.HTTPCall.match(verb: "GET", path: "/tasks/a:other") == .call(A2A.HTTPCall(.getTask, taskID: "a:other")))
    }

    @Test("Paths under /tasks are those of no tenant")
    func tasksIsNoTenant() {
        #expect(A2A.HTTPCall.match(verb: "GET", path: "/tasks/tasks") == .call(A2A.HTTPCall(.getTask, taskID: "tasks")))
        #expect(A2A.HTTPCall.match(verb: "POST", path: "/tasks/message:send") == .wrongVerb(allowed: ["GET"]))
    }

    @Test(
        "Another verb is told from another path",
        arguments: [
            ("GET", "/message:send", A2A.HTTPCall.Match.wrongVerb(allowed: ["POST"])),
            ("PUT", "/tasks/t1/pushNotificationConfigs", .wrongVerb(allowed: ["POST", "GET"])),
            ("GET", "/", .none), ("GET", "", .none), ("GET", "/other", .none), ("GET", "//tasks", .none),
            ("GET", "/a/b/tasks", .none), ("GET", "/tasks/%zz", .none), ("GET", "/tasks/%ff", .none),
            ("POST", "/tasks/:cancel", .wrongVerb(allowed: ["GET"])),
            ("GET", "/tasks/a/b", .none), ("GET", "/tasks/a/pushNotificationConfigs/b/c", .none),
        ])
    func noCalls(verb: String, path: String, match: A2A.HTTPCall.Match) {
        #expect(A2A.HTTPCall.match(verb: verb, path: path) == match)
    }

    @Test(
        "The query of a list of tasks is read, in camel case and in snake case",
        arguments: [
            """
            contextId=c%201&status=TASK_STATE_WORKING&pageSize=10&pageToken=a%2Bb&historyLength=0\
            &statusTimestampAfter=2026-01-02T03%3A04%3A05.678Z&includeArtifacts=true&A2A-Version=1.0&other=%20
            """,
            """
            context_id=c+1&status=2&page_size=10&page_token=a%2Bb&history_length=0\
            &status_timestamp_after=2026-01-02T03:04:05.678Z&include_artifacts=true
            """,
        ])
    func listTasks(query: String) throws {
        let request = try A2A.QueryParameters(query).listTasksRequest(tenant: "acme")
        #expect(
            request
                == A2A.ListTasksRequest(
                    tenant: "acme", contextID: "c 1", status: .working, pageSize: 10, pageToken: "a+b",
                    historyLength: 0,
                    statusTimestampAfter: Fixture.time, includesArtifacts: true))
        #expect(try A2A.QueryParameters(request.query).listTasksRequest(tenant: "acme") == request)
    }

    @Test(
        "Parameters that are empty or missing are not set",
        arguments: ["", "status=&pageSize=&contextId=&includeArtifacts", "&&"])
    func noParameters(query: String) throws {
        #expect(try A2A.QueryParameters(query).listTasksRequest() == A2A.ListTasksRequest())
        #expect(A2A.ListTasksRequest().query == "")
    }

    @Test("All parameters that are wrong are named")
    func wrongParameters() {
        let query = "status=ASLEEP&pageSize=1000&historyLength=x&includeArtifacts=yes&statusTimestampAfter=now"
        let error = #expect(throws: A2AError.self) { try A2A.QueryParameters(query).listTasksRequest() }
        #expect(error?.code == .invalidParams)
        #expect(fields(error) == ["status", "historyLength", "statusTimestampAfter", "includeArtifacts", "pageSize"])
        #expect(throws: A2AError.self) { try A2A.QueryParameters("contextId=%zz").listTasksRequest() }
        #expect(throws: A2AError.self) { try A2A.QueryParameters("contextId=%ff").listTasksRequest() }
    }

    @Test("The queries of a task and of push notification configurations are read")
    func otherQueries() throws {
        let task = try A2A.QueryParameters("historyLength=5").getTaskRequest(id: "t1")
        #expect(task == A2A.GetTaskRequest(id: "t1", historyLength: 5))
        #expect(task.query == "historyLength=5")
        #expect(throws: A2AError.self) { try A2A.QueryParameters("historyLength=-1").getTaskRequest(id: "t1") }
        let configs = try A2A.QueryParameters("pageSize=5&page_token=x&tenant=a")
            .listTaskPushNotificationConfigsRequest(
                taskID: "t1")
        #expect(
            configs
                == A2A.ListTaskPushNotificationConfigsRequest(tenant: "a", taskID: "t1", pageSize: 5, pageToken: "x"))
        #expect(configs.query == "pageSize=5&pageToken=x")
    }
}
