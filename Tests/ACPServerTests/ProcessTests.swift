// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import NIOHTTP1
import Testing

@Suite("Idempotency keys, session turns and processes over HTTP")
struct ProcessTests {
    @Test("Requests with the same Idempotency-Key receive the same run, in every mode")
    func idempotency() async throws {
        try await withServer { serving in
            let request = RunCreateRequest(agentName: "echo", input: ["hello"], idempotencyKey: "a key")
            let run = try await serving.client.run(request)
            #expect(run.status == .completed)
            #expect(try await serving.client.run(request) == run)
            #expect(try await serving.client.start(request) == run)
            var streamed: [Event] = []
            for try await event in try await serving.client.stream(request) { streamed.append(event.event) }
            #expect(streamed == (try await serving.client.events(of: run.id)))
            #expect(try await serving.client.runs(agent: "echo").total == 1)
        }
    }

    @Test("A key that was used for another request is rejected with 422, and so is one that is too long")
    func reusedKey() async throws {
        try await withServer { serving in
            var request = RunCreateRequest(agentName: "echo", input: ["hello"], idempotencyKey: "a key")
            _ = try await serving.client.run(request)
            request.input = ["something else"]
            let reused = await #expect(throws: ACPClientError.self) { try await serving.client.run(request) }
            #expect(reused?.status == 422 && reused?.message.contains("idempotency key") == true)
            let long = String(repeating: "x", count: 256)
            try await serving.send(
                .POST, "/runs", .bytes(Array(RunningServer.runJSON("echo").utf8)), headers: ["Idempotency-Key": long]
            ).expectError(422, .invalidInput)
        }
    }

    @Test("A run of a busy session is rejected with 409 if the server is configured so")
    func busySession() async throws {
        let configuration = ServerConfiguration.quick.with { $0.engine.sessionRuns = .refuse }
        try await withServer(configuration: configuration) { serving in
            let asked = try await serving.client.run(agent: "questioner", input: "hi", session: "shared")
            let refused = await #expect(throws: ACPClientError.self) {
                try await serving.client.run(agent: "echo", input: "hi", session: "shared")
            }
            #expect(refused?.status == 409 && refused?.message.contains("session shared") == true)
            _ = try await serving.client.resume(asked.id, with: "Ada")
            #expect(try await serving.client.run(agent: "echo", input: "hi", session: "shared").status == .completed)
        }
    }

    @Test("The list of processes contains the responding one, with the runs that it owns")
    func processes() async throws {
        try await withServer { serving in
            let asked = try await serving.client.run(agent: "questioner", input: "hi")
            let list = try await serving.client.processes().processes
            let this = try #require(list.first)
            #expect(list.count == 1 && this.isCurrent && this.isAlive)
            #expect(this.runCount == 1 && this.runs == [asked.id])
        }
    }

    @Test("The deadline of a question is part of the awaiting run")
    func deadline() async throws {
        try await withServer(agents: { server in
            try server.addAgent("patient") { context in try await context.awaitMessage("?", timeout: .seconds(3_600)) }
        }) { serving in
            let asked = try await serving.client.run(agent: "patient", input: "hi")
            #expect(try #require(asked.awaitDeadline) > asked.createdAt + .seconds(3_500))
            #expect(try await serving.client.resume(asked.id, with: "done").awaitDeadline == nil)
        }
    }
}
