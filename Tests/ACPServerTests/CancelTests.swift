// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import Testing

@Suite("Cancellation")
struct CancelTests {
    @Test(
        "A cancelled run returns 202 and cancelling, its handler's task is cancelled, and it ends as cancelled"
    )
    func running() async throws {
        let hasSeen = Signal<Void>()
        try await withServer(agents: { server in
            try server.addAgent("patient") { _ in
                do {
                    try await Signal<Void>().wait()
                } catch {
                    hasSeen.send()
                    throw error
                }
            }
        }) { serving in
            let id = try await serving.client.start(agent: "patient", input: "x").id
            async let followed = serving.events("/runs/\(id)/events")
            let answer = try await serving.send(.POST, "/runs/\(id)/cancel")
            #expect(answer.status == 202)
            #expect(answer.headers.first(name: "Run-ID") == id.rawValue)
            #expect(try answer.decode(Run.self).status == .cancelling)
            try await hasSeen.wait()
            let run = try await serving.client.wait(for: id)
            #expect(run.status == .cancelled && run.error == nil && run.finishedAt != nil)
            #expect(try await followed.last?.kind == "run.cancelled")
        }
    }

    @Test("A stream of a run that is cancelled ends with run.cancelled, and a sync call with the cancelled run")
    func callers() async throws {
        let begun = Counter()
        try await withServer(agents: { server in
            try server.addAgent("patient") { _ in
                begun.add()
                try await Signal<Void>().wait()
            }
        }) { serving in
            async let sync = serving.client.run(agent: "patient", input: "x")
            async let stream = serving.run("patient", mode: .stream)
            try await eventually("both run") { begun.value == 2 }
            for run in try await serving.client.runs(status: .inProgress).runs {
                #expect(try await serving.client.cancel(run.id).status == .cancelling)
            }
            #expect(try await sync.status == .cancelled)
            #expect(SentEvent.parse(try await stream.text).last?.kind == "run.cancelled")
        }
    }

    @Test("An awaiting run can be cancelled, and accepts no answer afterwards")
    func awaiting() async throws {
        try await withServer { serving in
            let id = try await serving.askedRun(.sync)
            #expect(try await serving.send(.POST, "/runs/\(id)/cancel").status == 202)
            let run = try await serving.client.wait(for: id, until: .terminal)
            #expect(run.status == .cancelled && run.awaitRequest == nil)
            let answer = try await serving.post(
                "/runs/\(id)", #"{"await_resume":{"type":"message","message":{"parts":[]}}}"#)
            try answer.expectError(403, .conflict)
        }
    }

    @Test(
        "A handler that ignores cancellation does not delay it, and its further output is discarded"
    )
    func ignoring() async throws {
        let gate = Signal<Void>()
        let outcome = Signal<String>()
        let configuration = ServerConfiguration.quick.with { $0.engine.cancellationGrace = .milliseconds(20) }
        try await withServer(
            configuration: configuration,
            agents: { server in
                try server.addExamples()
                try server.addAgent("stubborn") { context in
                    try await context.yield("before ")
                    // A task of its own does not hear of the cancellation.
                    try await Task { try await gate.wait() }.value
                    do {
                        try await context.yield("after")
                        outcome.send("spoke")
                    } catch is CancellationError {
                        outcome.send("was told")
                    }
                }
            }
        ) { serving in
            let id = try await serving.client.start(agent: "stubborn", input: "x").id
            try await eventually("it speaks") { try await serving.client.fetchRun(id).text == "before " }
            _ = try await serving.client.cancel(id)
            let run = try await serving.client.wait(for: id, until: .terminal)
            #expect(run.status == .cancelled && run.text == "before ")
            #expect(serving.server.engine.activeRuns == 0, "its place is free again")
            let events = try await serving.events("/runs/\(id)/events")
            #expect(events.last?.kind == "run.cancelled")
            gate.send()
            #expect(try await outcome.wait() == "was told")
            #expect(try await serving.events("/runs/\(id)/events") == events, "a terminal event is the last one")
            try await serving.expectStillServing()
        }
    }

    @Test("While a handler takes its time to stop, the run is cancelling, and asking again is fine")
    func twice() async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { server in
            try server.addAgent("slow-to-stop") { _ in try await Task { try await gate.wait() }.value }
        }) { serving in
            let id = try await serving.client.start(agent: "slow-to-stop", input: "x").id
            for _ in 0..<2 { #expect(try await serving.client.cancel(id).status == .cancelling) }
            #expect(try await serving.client.fetchRun(id).status == .cancelling)
            let listed = try await serving.client.runs(status: .cancelling).runs.map(\.id)
            #expect(listed.isEmpty || listed == [id], "listed as soon as it is stored")
            gate.send()
            #expect(try await serving.client.wait(for: id).status == .cancelled)
        }
    }

    @Test("A run that has ended cannot be cancelled", arguments: ["echo", "failer"] as [AgentName])
    func ended(agent: AgentName) async throws {
        try await withServer { serving in
            let run = try await serving.client.run(agent: agent, input: "x")
            let error = try await serving.send(.POST, "/runs/\(run.id)/cancel").expectError(403, .conflict)
            #expect(error.message.contains(run.id.rawValue) && error.message.contains(run.status.rawValue))
            #expect(try await serving.client.fetchRun(run.id) == run)
        }
    }

    @Test("A cancelled run leaves nothing in its session's history")
    func history() async throws {
        try await withServer { serving in
            let session: SessionID = "a-session"
            let run = try await serving.client.run(agent: "questioner", input: "x", session: session)
            _ = try await serving.client.cancel(run.id)
            _ = try await serving.client.wait(for: run.id, until: .terminal)
            #expect(try await serving.client.sessionDescriptor(session).history.isEmpty)
        }
    }
}
