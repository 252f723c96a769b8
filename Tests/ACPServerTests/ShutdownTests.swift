// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import ServiceLifecycle
import Testing

@Suite("Shutdown")
struct ShutdownTests {
    @Test("Runs can finish within the grace period and their callers receive the results; new runs are rejected")
    func grace() async throws {
        let gate = Signal<Void>()
        let configuration = ServerConfiguration.quick.with { $0.engine.shutdownGrace = .seconds(600) }
        try await withServer(configuration: configuration, agents: { try $0.addGated(gate) }) { serving in
            async let sync = serving.run("gated")
            async let stream = serving.run("gated", mode: .stream)
            try await eventually("both runs") { serving.server.engine.activeRuns == 2 }
            await serving.group.triggerGracefulShutdown()
            try await eventually("the shutdown") { !serving.server.engine.acceptsRuns }

            for mode in RunMode.allCases {
                let answer = try await serving.run("echo", mode: mode)
                #expect(try answer.expectError(503, .unavailable).message.contains("shutting down"))
                #expect(answer.headers.first(name: "Retry-After") != nil)
            }
            let ready = try await serving.get("/readyz")
            try ready.expectError(503, .unavailable)
            #expect(try await serving.get("/healthz").status == 200, "the process is still alive")
            let running = try await serving.client.runs(status: .inProgress)
            #expect(running.total == 2, "what is there can be looked at")

            gate.send()
            #expect(try await sync.decode(Run.self).text == "through")
            #expect(SentEvent.parse(try await stream.text).last?.kind == "run.completed")
        }
    }

    @Test(
        "Runs that are active after the grace period fail with a stored error that names the reason"
    )
    func afterGrace() async throws {
        let storage = MemoryStorage()
        try await withServer(storage, agents: { try $0.addGated(Signal()) }) { serving in
            async let sync = serving.run("gated")
            async let stream = serving.run("gated", mode: .stream)
            let started = try await serving.client.start(agent: "gated", input: "x").id
            let arrived = [Signal<Void>(), Signal<Void>()]
            async let followed = serving.follow(started, until: "run.in-progress", arrived[0])
            let asked = try await serving.askedRun(.sync)
            async let followedAwait = serving.follow(asked, until: "run.awaiting", arrived[1])
            for follower in arrived { try await follower.wait() }
            try await eventually("the runs") { serving.server.engine.activeRuns == 3 }
            await serving.group.triggerGracefulShutdown()

            let run = try await sync.decode(Run.self)
            #expect(run.status == .failed && run.error?.message.contains("shut down") == true)
            for events in [SentEvent.parse(try await stream.text), try await followed, try await followedAwait] {
                #expect(events.last?.kind == "run.failed")
                #expect(events.last?.event?.run?.error?.message.contains("shut down") == true)
            }
        }
        #expect(try await storage.runs(RunQuery()).items.map(\.status) == Array(repeating: .failed, count: 4))
    }

    @Test("On durable storage a run that awaits an answer is kept, and its followers are disconnected")
    func durableAwait() async throws {
        let storage = ScriptedStorage(isDurable: true)
        let configuration = ServerConfiguration.quick.with { $0.closingGrace = .seconds(600) }
        let asked = try await withServer(storage, configuration: configuration) { serving in
            let asked = try await serving.askedRun(.sync)
            let arrived = [Signal<Void>(), Signal<Void>()]
            async let followed = serving.follow(asked, until: "run.awaiting", arrived[0])
            let elsewhere = try await storage.createForeignRun()
            async let followedElsewhere = serving.follow(elsewhere, until: "run.in-progress", arrived[1])
            for follower in arrived { try await follower.wait() }
            try await eventually("the run is watched") { storage.scripted.watchers == 1 }
            await serving.group.triggerGracefulShutdown()
            #expect(try await followed.map(\.kind) == ["run.created", "run.in-progress", "run.awaiting"])
            #expect(try await followedElsewhere.map(\.kind) == ["run.created", "run.in-progress"])
            return asked
        }
        #expect(try await storage.run(asked)?.status == .awaiting)
        #expect(storage.scripted.watchers == 0)
    }

    @Test("Clients that do not read, do not finish their request or are idle do not prevent a shutdown")
    func stuckClients() async throws {
        let configuration = ServerConfiguration.quick.with { $0.closingGrace = .milliseconds(200) }
        try await withServer(configuration: configuration, agents: { try $0.addFlood(1_500, of: 8_192) }) { serving in
            let run = try await serving.client.run(agent: "flood", input: "x").id
            try await RawConnection.open(serving.port, receiveBuffer: 65_536) { slow in
                try await slow.send(rawRequest("GET /runs/\(run)/events", ["Accept: text/event-stream"]))
                _ = try await slow.read(until: "run.created")
                try await RawConnection.open(serving.port) { half in
                    try await half.send(rawRequest("POST /runs", ["Content-Length: 100"]) + "{")
                    try await RawConnection.open(serving.port) { silent in
                        try await serving.expectStillServing()
                        await serving.group.triggerGracefulShutdown()
                        _ = try? await silent.readToEnd()
                        _ = try? await half.readToEnd()
                    }
                }
                try await serving.end.wait()
            }
        }
    }

    @Test("A handler that ignores cancellation does not prevent a shutdown")
    func stubbornHandler() async throws {
        let gate = Signal<Void>()
        let storage = MemoryStorage()
        try await withServer(
            storage,
            agents: { server in
                try server.addAgent("stubborn") { _ in try await Task { try await gate.wait() }.value }
            }
        ) { serving in
            _ = try await serving.client.start(agent: "stubborn", input: "x")
        }
        #expect(try await storage.runs(RunQuery()).items.first?.status == .failed)
        gate.send()
    }
}
