// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Logging
import Testing

@Suite("Handlers that fail", .timeLimit(.minutes(5)))
struct FailureTests {
    struct Broken: Error, CustomStringConvertible {
        var description: String { "the flux capacitor is empty" }
    }

    /// A run whose handler throws an error.
    private func failing(
        _ error: any Error, reportsErrorDescriptions: Bool = false, log: Log = Log()
    ) async throws -> Run {
        var configuration = configuration()
        configuration.reportsErrorDescriptions = reportsErrorDescriptions
        let engine = RunEngine(storage: MemoryStorage(), configuration: configuration, logger: log.logger)
        try engine.agents.addAgent("failer") { context in
            try await context.yield("so far ")
            throw error
        }
        let run = try await engine.call("failer", session: "s-1")
        #expect(run.status == .failed)
        #expect(run.output.map(\.isOpen) == [false], "earlier output is kept, and complete")
        #expect(
            try await engine.storage.kinds(run.id) == [
                "run.created", "run.in-progress", "message.created", "message.part", "message.completed", "run.failed",
            ])
        #expect(try await engine.storage.history(of: "s-1").isEmpty)
        try await expectSound(run.id, in: engine.storage)
        #expect(try await engine.call("failer").status == .failed, "the engine continues")
        return run
    }

    @Test("An ACPError fails the run with its own code, message and data")
    func ownError() async throws {
        let error = ACPError("quota_exceeded", "no more today", data: ["limit": 5])
        #expect(try await failing(error).error == error)
    }

    @Test("Any other error fails the run without its description")
    func otherError() async throws {
        let run = try await failing(Broken())
        #expect(
            run.error == ACPError(.serverError, "agent failer failed: see the server's log for run \(run.id)"))
    }

    @Test("Callers get descriptions of errors if the configuration allows it")
    func reportedError() async throws {
        let error = try #require(try await failing(Broken(), reportsErrorDescriptions: true).error)
        #expect(error.message == "agent failer failed: the flux capacitor is empty")
        let storage = try await failing(StorageError(.refused, "out of memory"), reportsErrorDescriptions: true)
        #expect(storage.error?.message == "the storage failed: out of memory")
    }

    @Test(
        "An error that a handler throws is logged once, in full, with the run, its agent and its session",
        arguments: [
            (Broken(), "the flux capacitor is empty"),
            (StorageError(.refused, "out of memory", cause: Broken()), "the flux capacitor is empty"),
            (RunEngineError.storage(StorageError(.timedOut, "late", cause: Broken())), "the flux capacitor is empty"),
            (LinkError(.cannotConnect, "not loaded"), "not loaded"),
            (ACPError("quota_exceeded", "no more today"), "quota_exceeded: no more today"),
            (CancellationError(), "CancellationError"),
        ] as [(any Error, String)])
    func logged(error: any Error, text: String) async throws {
        let log = Log()
        let run = try await failing(error, log: log)
        let lines = log.lines.filter { $0["run_id"] == run.id.rawValue }
        #expect(lines.map(\.text) == ["a run failed"] && lines.map(\.level) == [.error])
        #expect(lines.first?["agent"] == "failer" && lines.first?["session_id"] == "s-1")
        #expect(lines.first?["error"]?.contains(text) == true, "\(lines)")
    }

    @Test("The cause of a link error is logged, and callers do not get it")
    func linkError() async throws {
        let log = Log()
        let run = try await failing(LinkError(.cannotConnect, "not loaded", cause: Broken()), log: log)
        #expect(run.error == ACPError(.serverError, "not loaded", data: ["link_error": "cannot_connect"]))
        #expect(log.lines.first?["error"] == "cannot_connect: not loaded (the flux capacitor is empty)")
    }

    @Test("A cancelled run has not failed, whatever its handler throws")
    func cancelled() async throws {
        let log = Log()
        let engine = RunEngine(storage: MemoryStorage(), configuration: configuration(), logger: log.logger)
        let isWaiting = Latch()
        try engine.agents.addAgent("stubborn") { context in
            isWaiting.open()
            do {
                try await Task.sleep(for: .seconds(3_600))
            } catch {
                throw Broken()
            }
        }
        let id = try await engine.start("stubborn")
        await isWaiting.wait()
        _ = try await engine.cancel(id)
        #expect(try await engine.endedRun(id).status == .cancelled)
        #expect(log.lines.isEmpty)
    }

    @Test("A storage error is distinguished from an error of the agent")
    func storageError() async throws {
        let error = try #require(try await failing(StorageError(.refused, "out of memory")).error)
        #expect(error.code == .serverError)
        #expect(error.message == StorageError(.refused, "").publicMessage)
    }

    @Test("A CancellationError without a cancellation fails the run instead of cancelling it")
    func ownCancellation() async throws {
        let error = try #require(try await failing(CancellationError()).error)
        #expect(error.code == .serverError)
        #expect(error.message.contains("without being cancelled"))
    }

    @Test("Error data that JSON cannot hold does not prevent the run's end")
    func unspeakableData() async throws {
        let error = try #require(
            try await failing(ACPError("own", "x", data: ["number": .number(.infinity)])).error)
        #expect(error.code == .serverError)
        #expect(error.message.contains("cannot be reported"))
        #expect(error.data == nil)
    }

    @Test("Error data that is nested too deeply does not prevent the run's end")
    func deepData() async throws {
        var deep: JSONValue = 1
        for _ in 0..<300 { deep = [deep] }
        let error = try #require(try await failing(ACPError("own", "x", data: ["deep": deep])).error)
        #expect(error.message.contains("cannot be reported"))
    }

    @Test("Parts nested as deeply as is allowed can be sent, stored and read")
    func deepParts() async throws {
        let engine = makeEngine()
        let deepest = Shared()
        try engine.agents.addAgent("deep") { context in
            var deep: JSONValue = 1
            for depth in 1...300 {
                deep = [deep]
                do {
                    try await context.yield(Message(parts: [MessagePart(content: "x", extra: ["deep": deep])]))
                    deepest.set(depth)
                } catch is ACPError {
                    return
                }
            }
        }
        let run = try await engine.call("deep")
        #expect(run.status == .completed)
        #expect((50..<128).contains(deepest.value))
        #expect(run.output.count == deepest.value)
        try await expectSound(run.id, in: engine.storage)
        let json = try ACPJSON.encode(try await engine.storage.events(of: run.id))
        #expect(try ACPJSON.decode([Event].self, from: json).count == 2 + 3 * deepest.value + 1)
    }
}
