// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import Testing

@Suite("Failing storage")
struct StorageFailureTests {
    private static var impatient: ServerConfiguration {
        .quick.with { $0.engine.storageTimeout = .milliseconds(20) }
    }

    @Test("Requests that need the storage receive 503, and succeed when the storage has recovered")
    func everyRoute() async throws {
        let storage = ScriptedStorage()
        let log = Log()
        try await withServer(storage, logger: log.logger) { serving in
            let run = try await serving.client.run(agent: "counter", input: "x", session: "s").id
            let asked = try await serving.askedRun(.sync)
            storage.fail([.commit, .record, .events, .sessions, .ping, .list, .delete], with: .outage)

            let resume = #"{"await_resume":{"type":"message","message":{"parts":[]}}}"#
            let answers = [
                try await serving.run("echo"), try await serving.run("echo", mode: .async),
                try await serving.run("echo", mode: .stream), try await serving.get("/runs"),
                try await serving.get("/runs/\(run)"), try await serving.get("/runs/\(run)/events"),
                try await serving.get("/runs/\(run)/events", headers: ["Accept": "text/event-stream"]),
                try await serving.post("/runs/\(run)", resume), try await serving.send(.POST, "/runs/\(run)/cancel"),
                try await serving.send(.DELETE, "/runs/\(run)"), try await serving.get("/sessions/s"),
                try await serving.get("/sessions/s/history/0"), try await serving.get("/sessions/s/state"),
                try await serving.get("/readyz"),
            ]
            for answer in answers {
                let error = try answer.expectError(503, .unavailable)
                #expect(error.message == StorageError.outage.publicMessage)
                #expect(!answer.text.contains(Secret.text), "causes are not told")
                #expect(answer.headers.first(name: "Retry-After") == "1")
            }
            for path in ["/ping", "/healthz", "/agents"] {
                #expect(try await serving.get(path).status == 200, "\(path) needs no storage")
            }
            #expect(serving.server.engine.activeRuns == 0, "a run that could not be created takes no place")

            storage.fail([.commit, .record, .events, .sessions, .ping, .list, .delete], with: nil)
            #expect(try await serving.get("/readyz").status == 200)
            #expect(try await serving.client.fetchRun(run).status == .completed)
            #expect(try await serving.client.resume(asked, with: "Ada").text == "Hello, Ada!")
            try await serving.expectStillServing()
        }
        #expect(log.text.contains("warning: the storage failed during a request"), "the operator is told")
        #expect(log.text.contains("out of order") && log.text.contains(Secret.text), "all of it")
        #expect(!log.text.contains("error: "), "it is no fault of this server")
    }

    @Test("Stored data that cannot be read is an error with status 500")
    func corruptData() async throws {
        let storage = ScriptedStorage()
        let log = Log()
        try await withServer(storage, logger: log.logger) { serving in
            let run = try await serving.client.run(agent: "echo", input: "x").id
            storage.fail([.record], with: StorageError(.corruptData, "event 3 of the run cannot be read"))
            let error = try await serving.get("/runs/\(run)").expectError(500, .serverError)
            #expect(error.message == StorageError(.corruptData, "").publicMessage)
            #expect(log.text.contains("error: a request failed"), "the error requires a fix")
            #expect(log.text.contains("event 3") && log.text.contains("/runs/\(run)"))
        }
    }

    @Test("A stream ends with an error event if the storage remains unavailable, and continues later")
    func stream() async throws {
        let storage = ScriptedStorage()
        let gate = Signal<Void>()
        try await withServer(storage, configuration: Self.impatient, agents: { try $0.addGated(gate) }) { serving in
            let id = try await serving.client.start(agent: "gated", input: "x").id
            async let streamed = serving.events("/runs/\(id)/events")
            async let sync = serving.run("gated")
            try await eventually("both runs") { try await serving.client.runs(agent: "gated").total == 2 }
            storage.fail([.commit], with: .outage)
            gate.send()

            let events = try await streamed
            #expect(events.map(\.id) == [0, 1, nil], "an error of the stream is no event of the run")
            guard case .error(let error) = events.last?.event else {
                Issue.record("no error event: \(events)")
                return
            }
            #expect(error.code == .unavailable && error.message == StorageError.outage.publicMessage)
            #expect(events.last?.json.contains(Secret.text) == false)
            let answer = try await sync
            try answer.expectError(503, .unavailable)
            let syncID = try #require(answer.headers.first(name: "Run-ID"), "the caller learns where to look")

            storage.fail([.commit], with: nil)
            for run in [id, try RunID(validating: syncID)] {
                try await eventually("its end") { try await serving.client.fetchRun(run).status == .completed }
                let rest = try await serving.events("/runs/\(run)/events", after: 1)
                #expect(rest.compactMap(\.id) == [2, 3, 4, 5] && rest.last?.kind == "run.completed")
                #expect(try await serving.client.fetchRun(run).text == "through", "the run waited for the storage")
            }
        }
    }

    @Test("A short failure is not visible to callers")
    func shortFailure() async throws {
        let storage = ScriptedStorage()
        let gate = Signal<Void>()
        let log = Log()
        try await withServer(storage, logger: log.logger, agents: { try $0.addGated(gate) }) { serving in
            async let streamed = serving.run("gated", mode: .stream)
            try await eventually("the run") { try await serving.client.runs().total == 1 }
            storage.fail([.commit], with: StorageError(.outcomeUnknown, "the answer was lost"))
            gate.send()
            try await eventually("a failed commit") { log.text.contains("trying again") }
            storage.fail([.commit], with: nil)
            let events = SentEvent.parse(try await streamed.text)
            #expect(events.map(\.id) == Array(0..<6) && events.last?.kind == "run.completed")
        }
    }

    @Test("A stream whose events cannot be read from the storage ends with an error event")
    func unreadable() async throws {
        let storage = ScriptedStorage()
        try await withServer(storage) { serving in
            let run = try await storage.createForeignRun()
            async let streamed = serving.events("/runs/\(run)/events")
            try await eventually("the run is watched") { storage.scripted.watchers == 1 }
            storage.fail([.events], with: .outage)
            storage.memory.wake(run)
            let events = try await streamed
            #expect(events.map(\.kind).suffix(2) == ["run.in-progress", "error"])
            try await eventually("the run is not watched any more") { storage.scripted.watchers == 0 }
        }
    }

    @Test("A run that is deleted while it is followed ends its streams with an error event")
    func deletedRun() async throws {
        let storage = ScriptedStorage()
        try await withServer(storage) { serving in
            let run = try await storage.createForeignRun()
            async let streamed = serving.events("/runs/\(run)/events")
            try await eventually("the run is watched") { storage.scripted.watchers == 1 }
            #expect(try storage.memory.deleteRun(run, forGood: false))
            guard case .error(let error) = try await streamed.last?.event else {
                Issue.record("no error event")
                return
            }
            #expect(error.code == .notFound)
        }
    }

    @Test("An agent whose session cannot be read fails its run with a clear error")
    func session() async throws {
        let storage = ScriptedStorage()
        try await withServer(storage) { serving in
            storage.fail([.sessions], with: .outage)
            async let answer = serving.run("counter")
            let run = try await answer.decode(Run.self)
            #expect(run.status == .failed && run.error?.message == StorageError.outage.publicMessage)
            #expect(run.error?.message.contains(Secret.text) == false)
            storage.fail([.sessions], with: nil)
            #expect(try await serving.client.run(agent: "counter", input: "x").text == "Count: 1")
        }
    }
}

extension MemoryStorage {
    /// Wakes those who watch a run, though nothing has changed.
    fileprivate func wake(_ run: RunID) { (coordination as? LocalCoordination)?.runDidChange(run) }
}
