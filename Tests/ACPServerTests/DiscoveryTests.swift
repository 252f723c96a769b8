// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import Testing

@Suite("Discovery")
struct DiscoveryTests {
    @Test(
        "Ping, health and readiness return JSON objects",
        arguments: ["/ping", "/healthz", "/readyz"])
    func signsOfLife(path: String) async throws {
        try await withServer { serving in
            let answer = try await serving.get(path)
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "Content-Type") == "application/json")
            _ = try answer.decode(JSONObject.self)
        }
    }

    @Test("A manifest always contains its content types, its description and its metadata")
    func manifest() async throws {
        try await withServer { serving in
            let json = try await serving.get("/agents/greeter").decode(JSONObject.self)
            #expect(json["name"] == "greeter" && json["description"] == "")
            #expect(json["input_content_types"] == ["*/*"] && json["output_content_types"] == ["*/*"])
            #expect(json["metadata"]?.objectValue != nil)
            #expect(try await serving.client.fetchAgent("echo").description == "Echoes everything")
        }
    }

    @Test("Agents are listed in pages, in the order in which they were added")
    func agentPages() async throws {
        let names = (0..<25).map { AgentName(stringLiteral: "agent-\($0)") }
        try await withServer(agents: { server in
            for name in names { try server.addAgent(name) { _ in } }
        }) { serving async throws in
            #expect(
                try await serving.get("/agents").decode(AgentsListResponse.self).agents.map(\.name)
                    == Array(names[..<10]))
            #expect(try await serving.client.agents(limit: 10, offset: 20).map(\.name) == Array(names[20...]))
            #expect(try await serving.client.agents(limit: 1_000).map(\.name) == names)
            #expect(try await serving.client.agents(limit: 1, offset: .max).isEmpty)
            #expect(try await serving.client.agents().map(\.name) == names)
        }
    }

    @Test("An agent that is added while the server runs can be called at once")
    func lateAgent() async throws {
        try await withServer { serving in
            try await serving.get("/agents/late").expectError(404, .notFound)
            try serving.server.addAgent("late") { _ in "better than never" }
            #expect(try await serving.client.run(agent: "late", input: "x").text == "better than never")
        }
    }

    @Test("Runs are listed newest first, by agent, session or status, with an exact total")
    func runs() async throws {
        try await withServer { serving in
            var ids: [RunID] = []
            for index in 0..<12 {
                let session: SessionID = index.isMultiple(of: 3) ? "thirds" : "others"
                ids.append(try await serving.client.run(agent: "echo", input: "\(index)", session: session).id)
            }
            let asked = try await serving.askedRun(.sync)
            let all = try await serving.client.runs()
            #expect(all.total == 13 && all.runs.map(\.id) == [asked] + ids[3...].reversed())
            let page = try await serving.client.runs(agent: "echo", limit: 5, offset: 10)
            #expect(page.total == 12 && page.runs.map(\.id) == [ids[1], ids[0]])
            #expect(try await serving.client.runs(session: "thirds").total == 4)
            #expect(try await serving.client.runs(status: .awaiting).runs.map(\.id) == [asked])
            #expect(try await serving.client.runs(agent: "nobody").total == 0)
            let beyond = try await serving.get("/runs?offset=9223372036854775807&limit=1000")
            #expect(try beyond.decode(RunsListResponse.self).runs.isEmpty)
        }
    }

    @Test("An ended run can be deleted, with its events and its entries in lists")
    func deletion() async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { try $0.addGated(gate) }) { serving in
            let run = try await serving.client.run(agent: "echo", input: "x")
            let answer = try await serving.send(.DELETE, "/runs/\(run.id)")
            #expect(answer.status == 204 && answer.body.isEmpty)
            for path in ["/runs/\(run.id)", "/runs/\(run.id)/events"] {
                try await serving.get(path).expectError(404, .notFound)
            }
            try await serving.send(.DELETE, "/runs/\(run.id)").expectError(404, .notFound)
            #expect(try await serving.client.runs().total == 0)

            let running = try await serving.client.start(agent: "gated", input: "x").id
            try await serving.send(.DELETE, "/runs/\(running)").expectError(409, .conflict)
            gate.send()
            #expect(try await serving.client.wait(for: running).status == .completed)
        }
    }
}
