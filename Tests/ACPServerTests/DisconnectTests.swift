// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import NIOHTTP1
import Synchronization
import Testing

@testable import ACPRuntime

@Suite("Clients that disconnect or read slowly")
struct DisconnectTests {
    @Test("A run continues when its streaming client disconnects, and can be followed from that position")
    func midStream() async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { server in
            try server.addAgent("talker") { context in
                try await context.yield("before ")
                try await gate.wait()
                for index in 0..<500 { try await context.yield("\(index) ") }
            }
        }) { serving in
            let head = try await RawConnection.open(serving.port) { connection in
                try await connection.send(
                    rawRequest("POST /runs", body: RunningServer.runJSON("talker", mode: .stream)))
                return try await connection.read(until: "before ")
            }
            let id = try #require(head.firstMatch(of: /Run-ID: (.+)\r\n/)?.output.1)
            gate.send()
            let run = try await serving.client.wait(for: RunID(validating: String(id)))
            #expect(run.status == .completed && run.output[0].parts.count == 501)
            let rest = try await serving.events("/runs/\(id)/events", after: 3)
            #expect(rest.compactMap(\.id) == Array(4..<506))
        }
    }

    @Test("A run continues when its sync client disconnects")
    func midSync() async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { try $0.addGated(gate) }) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", body: RunningServer.runJSON("gated")))
                try await eventually("the run") { serving.server.engine.activeRuns == 1 }
            }
            gate.send()
            try await eventually("its end") { try await serving.client.runs().runs.first?.status == .completed }
        }
    }

    @Test("A stream leaves no follower of the run when its client has disconnected")
    func noFollowerLeft() async throws {
        let storage = ScriptedStorage()
        // Often enough to notice soon who has gone; more often would be a load of its own under the thread sanitizer.
        let configuration = ServerConfiguration.quick.with { $0.keepAliveInterval = .milliseconds(100) }
        try await withServer(storage, configuration: configuration) { serving in
            let run = try await storage.createForeignRun()
            // The first clients to see all the others go away at once; the rest must not wait for those.
            let haveAllWatched = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await RawConnection.open(serving.port) { connection in
                            try await connection.send(
                                rawRequest("GET /runs/\(run)/events", ["Accept: text/event-stream"]))
                            _ = try await connection.read(until: "run.in-progress")
                            try await eventually("all watch") {
                                haveAllWatched.raise(if: storage.scripted.watchers == 20)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("the run is not watched any more") { storage.scripted.watchers == 0 }
            try await serving.expectStillServing()
        }
    }

    @Test("A stream of a run that ends in another process leaves no follower")
    func noFollowerLeftAfterTheEnd() async throws {
        let storage = ScriptedStorage()
        try await withServer(storage) { serving in
            let run = try await storage.createForeignRun()
            async let followed = serving.events("/runs/\(run)/events")
            try await eventually("the run is watched") { storage.scripted.watchers == 1 }
            try await storage.endForeignRun(run)
            #expect(try await followed.last?.kind == "run.completed")
            try await eventually("the run is not watched any more") { storage.scripted.watchers == 0 }
        }
    }

    @Test("An ended run is released, even if clients disconnected from its streams")
    func noExecutionLeft() async throws {
        let gate = Signal<Void>()
        let configuration = ServerConfiguration.quick.with { $0.keepAliveInterval = .milliseconds(10) }
        try await withServer(configuration: configuration, agents: { try $0.addGated(gate) }) { serving in
            for _ in 0..<5 {
                try await RawConnection.open(serving.port) { connection in
                    try await connection.send(
                        rawRequest("POST /runs", body: RunningServer.runJSON("gated", mode: .stream)))
                    _ = try await connection.read(until: "run.in-progress")
                }
            }
            let ids = try await serving.client.runs().runs.map(\.id)
            let executions = ids.map { Weak(object: serving.server.engine.execution(of: $0)) }
            #expect(executions.count == 5 && executions.allSatisfy { $0.object != nil })
            gate.send()
            try await eventually("all are let go") { executions.allSatisfy { $0.object == nil } }
        }
    }

    @Test(
        "For a client that does not read, little is read ahead; when it reads, it receives everything")
    func slowReader() async throws {
        let (count, size) = (6_000, 4_096)
        let storage = ScriptedStorage()
        try await withServer(storage, agents: { try $0.addFlood(count, of: size) }) { serving in
            try await RawConnection.open(serving.port, receiveBuffer: 65_536) { connection in
                try await connection.send(rawRequest("POST /runs", body: RunningServer.runJSON("flood", mode: .stream)))
                var text = try await connection.read(until: "run.created")
                let id = try #require(text.firstMatch(of: /Run-ID: (.+)\r\n/)?.output.1)
                // The run itself is not held up by its reader.
                try await eventually("the run's end") { serving.server.engine.activeRuns == 0 }
                // All that the buffers of the two sockets, a batch on its way and one behind it may hold.
                #expect(storage.furthestRead * size < 14 * 1_048_576, "read ahead: \(storage.furthestRead) events")
                text += try await connection.read(until: "run.completed")
                #expect(
                    try await serving.server.engine.storage.eventCount(of: RunID(validating: String(id))) == count + 3)
                let sent = text.components(separatedBy: "id: ").dropFirst().map { Int($0.prefix { $0 != "\n" }) }
                #expect(sent == Array(0..<(count + 3)))
            }
        }
    }

    @Test("A client that does not read does not delay others")
    func headOfLine() async throws {
        try await withServer(agents: { try $0.addFlood(1_500, of: 8_192) }) { serving in
            let run = try await serving.client.run(agent: "flood", input: "x")
            try await RawConnection.open(serving.port, receiveBuffer: 65_536) { connection in
                try await connection.send(rawRequest("GET /runs/\(run.id)/events", ["Accept: text/event-stream"]))
                _ = try await connection.read(until: "run.created")
                let answer = try await serving.get("/runs/\(run.id)/events", headers: ["Accept": "text/event-stream"])
                #expect(answer.body.count > 1_500 * 8_192)
                try await serving.expectStillServing()
            }
        }
    }
}

extension ACPServer {
    /// An agent that sends more than the buffers of sockets hold.
    func addFlood(_ count: Int, of size: Int) throws {
        try addExamples()
        try addAgent("flood") { context in
            let text = String(repeating: "x", count: size)
            for _ in 0..<count { try await context.yield(generic: ["text": text]) }
        }
    }
}

private struct Weak: Sendable {
    weak let object: RunExecution?
}

extension ScriptedStorage {
    /// A run that another process on the same storage executes.
    func createForeignRun() async throws -> RunID {
        var run = Run(agentName: "elsewhere", sessionID: SessionID())
        let created = try EncodedEvent(.runCreated(run))
        run.status = .inProgress
        try await commit(
            RunCommit(
                run: run.id, expecting: 0, events: [created, try EncodedEvent(.runInProgress(run))],
                snapshot: try RunSnapshot(run, eventCount: 2), owner: Self.foreignOwner))
        return run.id
    }

    func endForeignRun(_ id: RunID) async throws {
        guard var run = try await run(id) else { return }
        run.status = .completed
        run.finishedAt = .now
        try await commit(
            RunCommit(
                run: id, expecting: 2, events: [try EncodedEvent(.runCompleted(run))],
                snapshot: try RunSnapshot(run, eventCount: 3), owner: Self.foreignOwner))
    }

    private static let foreignOwner = RunOwner(process: ProcessID(rawValue: "elsewhere"), token: "theirs")
}

/// Something that is true for good once it was true.
private final class Flag: Sendable {
    private let isRaised = Mutex(false)

    func raise(if condition: Bool) -> Bool {
        isRaised.withLock { isRaised in
            isRaised = isRaised || condition
            return isRaised
        }
    }
}
