// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import Foundation
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

@Suite("Calls")
struct CallTests {
    let counting = CountingRun()

    @Test("Ping returns when the server responds")
    func pings() async throws {
        let server = ScriptedServer([{ _ in text("{}", type: "application/json") }])
        try await server.serve { client in
            let result = try await client.ping()
            #expect(result > .zero)
        }
        #expect(server.lines == ["GET /ping"])
    }

    @Test("All pages of agents are read")
    func readsAllAgents() async throws {
        let all = (0..<205).map { AgentManifest(name: AgentName(rawValue: "agent-\($0)")!) }
        let server = ScriptedServer([
            { seen in
                let query = URLComponents(string: String(seen.line.dropFirst(4)))?.queryItems ?? []
                let numbers = query.reduce(into: [:]) { $0[$1.name] = Int($1.value ?? "") }
                let page = all.dropFirst(numbers["offset"] ?? 0).prefix(numbers["limit"] ?? 10)
                return try json(AgentsListResponse(agents: Array(page)))
            }
        ])
        try await server.serve { client in
            let result = try await client.agents().map(\.name)
            #expect(result == all.map(\.name))
        }
        #expect(server.lines.count == 3)
    }

    @Test("Reading agents ends if the server returns the same page forever")
    func stopsAtSamePage() async throws {
        let page = (0..<100).map { AgentManifest(name: AgentName(rawValue: "agent-\($0)")!) }
        let server = ScriptedServer([{ _ in try json(AgentsListResponse(agents: page)) }])
        try await server.serve { client in
            let result = try await client.agents().count
            #expect(result == 100)
        }
    }

    @Test("A run is sent with its mode, its session and its credentials")
    func sendsRuns() async throws {
        let run = counting.completed
        let server = ScriptedServer([{ _ in try json(run) }])
        let configuration = ACPClient.Configuration(bearerToken: "s3cret", headers: ["X-Tenant": "blue"])
        try await server.serve(configuration: configuration) { client in
            #expect(try await client.run(agent: "counter", input: "Hi", session: "abc") == run)
            _ = try await client.start(agent: "counter", input: [Message("a"), Message("b")])
        }
        let sent = try server.seen.map { try $0.decode(RunCreateRequest.self) }
        #expect(sent.map(\.mode) == [.sync, .async])
        #expect(sent.map(\.sessionID) == ["abc", nil])
        #expect(sent.map { $0.input.map(\.text) } == [["Hi"], ["a", "b"]])
        #expect(server.lines == ["POST /runs", "POST /runs"])
        let headers = try #require(server.seen.first?.headers)
        #expect(headers[.authorization] == "Bearer s3cret")
        #expect(headers[.contentType] == "application/json")
        #expect(headers[HTTPField.Name("X-Tenant")!] == "blue")
    }

    @Test("Runs are fetched, cancelled, resumed, listed and deleted at the right paths")
    func callsTheRightPaths() async throws {
        let run = counting.run
        let id = counting.id
        let server = ScriptedServer([
            { seen in
                if seen.line.hasPrefix("DELETE") { return Response(status: .noContent) }
                if seen.line.contains("/events") { return try json(RunEventsListResponse(events: [.runCreated(run)])) }
                return seen.line.hasPrefix("GET /runs?")
                    ? try json(RunsListResponse(runs: [run], total: 7)) : try json(run)
            }
        ])
        try await server.serveAtURL { url in
            let client = try ACPClient(url + "/prefix/")
            try await client.ping()
            let plain = try ACPClient(url)
            #expect(try await plain.fetchRun(id) == run)
            _ = try await plain.cancel(id)
            _ = try await plain.resume(id, with: "Ada")
            _ = try await plain.start(resuming: id, with: "Ada")
            #expect(try await plain.runs(agent: "counter", limit: 5, offset: 1).total == 7)
            _ = try await plain.runs(session: "abc")
            _ = try await plain.runs(status: .inProgress)
            #expect(try await plain.events(of: id) == [.runCreated(run)])
            _ = try await plain.events(of: id, limit: 3, offset: 2)
            try await plain.deleteRun(id)
            try await plain.deleteSession("abc")
        }
        #expect(
            server.lines.dropFirst() == [
                "GET /runs/\(id)", "POST /runs/\(id)/cancel", "POST /runs/\(id)", "POST /runs/\(id)",
                "GET /runs?agent_name=counter&limit=5&offset=1", "GET /runs?session_id=abc&limit=10&offset=0",
                "GET /runs?status=in-progress&limit=10&offset=0", "GET /runs/\(id)/events",
                "GET /runs/\(id)/events?limit=3&offset=2", "DELETE /runs/\(id)", "DELETE /sessions/abc",
            ])
        #expect(server.lines.first == "GET /prefix/ping")
        let resumes = try server.seen.filter { $0.line == "POST /runs/\(id)" }
            .map { try $0.decode(RunResumeRequest.self) }
        #expect(resumes.map(\.mode) == [.sync, .async])
        #expect(resumes.map(\.awaitResume.message?.text) == ["Ada", "Ada"])
    }

    @Test("An error of the server is thrown with its status and its delay")
    func handsErrorsOn() async throws {
        let server = ScriptedServer([
            { _ in
                try json(
                    ACPError(.unavailable, "too many runs", data: ["limit": 3]), status: .serviceUnavailable,
                    headers: [.retryAfter: "7"])
            }
        ])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.run(agent: "echo", input: "Hi")
            }
            #expect(error.code == .serverError)
            #expect(error.status == 503)
            #expect(error.retryAfter == .seconds(7))
            #expect(error.serverError == ACPError(.unavailable, "too many runs", data: ["limit": 3]))
        }
        #expect(server.lines.count == 1, "a POST is never repeated")
    }

    @Test(
        "A response that is not ACP is described by the error",
        arguments: [
            (200, "text/html", "<html><h1>Welcome</h1></html>", ACPClientError.Code.invalidResponse),
            (200, "application/json", "{\"hello\":", .invalidResponse),
            (200, "application/json", "{\"run_id\": 7}", .invalidResponse),
            (404, "text/html", "<h1>Not here</h1>", .serverError),
            (500, "application/json", "[]", .serverError),
        ])
    func describesInvalidResponses(_ status: Int, _ type: String, _ body: String, _ code: ACPClientError.Code)
        async throws
    {
        let server = ScriptedServer([{ _ in text(body, type: type, status: .init(code: status)) }])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) { try await client.fetchRun("abc") }
            #expect(error.code == code)
            #expect(error.status == status)
            #expect(error.message.contains(String(body.prefix(10))))
            #expect(error.message.contains("ACP server"))
        }
    }

    @Test("Redirects are not followed, but reported with their target")
    func reportsRedirects() async throws {
        let server = ScriptedServer([{ _ in Response(status: .found, headers: [.location: "http://other.org/"]) }])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) { try await client.ping() }
            #expect(error.code == .invalidResponse)
            #expect(error.message.contains("http://other.org/"))
        }
    }

    @Test("A failed connection is reported with the server")
    func namesUnreachableServers() async throws {
        let url = try await ScriptedServer([{ _ in text("") }]).serveAtURL { $0 }
        let error = try await #require(throws: ACPClientError.self) {
            try await ACPClient(url).run(agent: "echo", input: "Hi")
        }
        #expect(error.code == .cannotConnect)
        #expect(error.message.contains(url.dropFirst("http://".count)))
        #expect(error.message.contains("running"))
    }

    @Test("A connection that is lost before the end of the response is reported")
    func reportsLostConnections() async throws {
        let server = ScriptedServer([
            { _ in
                Response(
                    status: .ok, headers: [.contentType: "application/json", .contentLength: "100"],
                    body: ResponseBody { writer in
                        try await writer.write(ByteBuffer(string: "{"))
                        throw Cut()
                    })
            }
        ])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.run(agent: "echo", input: "Hi")
            }
            #expect(error.code == .connectionLost)
        }
        #expect(server.lines.count == 1, "a POST is never repeated")
    }

    @Test("A response that does not arrive in time is an error")
    func timesOut() async throws {
        let server = ScriptedServer([
            { seen in
                await seen.hang()
                return text("")
            }
        ])
        let configuration = ACPClient.Configuration(
            timeouts: .init(request: .milliseconds(50), run: .milliseconds(50)))
        try await server.serve(configuration: configuration) { client in
            for call in [
                { _ = try await client.run(agent: "echo", input: "Hi") }, { _ = try await client.agents() },
                { _ = try await client.stream(agent: "echo", input: "Hi") },
            ] as [@Sendable () async throws -> Void] {
                let error = try await #require(throws: ACPClientError.self) { try await call() }
                #expect(error.code == .timedOut)
            }
        }
    }

    @Test("Cancelling the task ends the request")
    func cancels() async throws {
        let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = ScriptedServer([
            { seen in
                arrival.yield()
                await seen.hang()
                return text("")
            }
        ])
        try await server.serve { client in
            let task = Task { try await client.run(agent: "echo", input: "Hi") }
            _ = await arrivals.first { _ in true }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("A call of a closed client is an error")
    func reportsClosed() async throws {
        let client = try ACPClient("http://127.0.0.1:1")
        try await client.close()
        try await client.close()
        let error = try await #require(throws: ACPClientError.self) { try await client.ping() }
        #expect(error.code == .closed)
    }

    @Test("A response that exceeds the limit is rejected")
    func rejectsLargeResponses() async throws {
        let server = ScriptedServer([{ _ in text(String(repeating: " ", count: 2000), type: "application/json") }])
        try await server.serve(configuration: .init(maximumResponseBytes: 1000)) { client in
            let error = try await #require(throws: ACPClientError.self) { try await client.ping() }
            #expect(error.code == .invalidResponse)
            #expect(error.message.contains("maximumResponseBytes"))
        }
    }
}
