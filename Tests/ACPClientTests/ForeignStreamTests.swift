// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import HTTPTestSupport
import HTTPTypes
import Synchronization
import Testing

/// Streams as servers of other makes send them, byte for byte.
@Suite("Streams of other servers")
struct ForeignStreamTests {
    private let counting = CountingRun(words: 2)

    // MARK: The run's id

    @Test("Without a Run-ID header, the id is read from the first event, and the stream survives a lost connection")
    func idFromEvents() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let tally = Tally()
        let server = ScriptedServer([
            { _ in stream(Array(pieces[..<2]), cutAfter: (tally, 2)) },
            { _ in stream(Array(pieces[2...])) },
        ])
        try await server.serve { client in
            let events = try await client.stream(agent: "counter", input: "2")
            #expect(events.runID == nil)
            let received = try await events.collect(tally)
            #expect(received.map(\.event) == counting.events)
            #expect(events.runID == counting.id)
        }
        #expect(server.lines == ["POST /runs", "GET /runs/\(counting.id)/events"])
    }

    @Test("Events that contain only the run's id are delivered, and the last one ends the stream")
    func runIDWithoutRun() async throws {
        let pieces = [
            "event: run.created\ndata: {\"type\":\"run.created\",\"run_id\":\"r-1\"}\n\n",
            "event: message.part\ndata: {\"type\":\"message.part\",\"run_id\":\"r-1\",\"part\":{\"content\":\"Hi\"}}\n\n",
            "event: run.completed\ndata: {\"type\":\"run.completed\",\"run_id\":\"r-1\",\"run\":null}\n\n",
        ]
        let server = ScriptedServer([{ _ in stream(pieces) }])
        try await server.serve { client in
            let events = try await client.stream(agent: "a", input: "x")
            let received = try await events.collect()
            #expect(received.map(\.event.kind) == [.runCreated, .messagePart, .runCompleted])
            #expect(received.allSatisfy { $0.event.run == nil })
            #expect(received.first?.event.runID == "r-1" && events.runID == "r-1")
        }
    }

    @Test("A stream without a run's id is read to its end, and an error says why it cannot be continued")
    func noID() async throws {
        let part = "data: {\"type\":\"message.part\",\"part\":{\"content\":\"Hi\"}}\n\n"
        let tally = Tally()
        let server = ScriptedServer([{ _ in stream([part], cutAfter: (tally, 1)) }])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.stream(agent: "a", input: "x").collect(tally)
            }
            #expect(error.code == .streamBroken && error.runID == nil && error.lastIndex == 0)
            #expect(error.message.contains("the server sent the run's id neither in a Run-ID header nor in an event"))
        }
        #expect(server.lines == ["POST /runs"])
    }

    // MARK: What is no event

    @Test(
        "Events that the protocol does not define are ignored",
        arguments: [
            "event: ping\ndata:\n\n", "event: ping\ndata: {}\n\n", "event: ping\ndata: 2025-05-07T11:22:33Z\n\n",
            "event: ping\ndata: {\"type\":\"ping\"}\n\n", "event: keep-alive\ndata: [1,\n\n", "data:\n\n",
            "data: \ndata:\n\n",
            "event: message.part\n\n", ": comment\n\n", ":\n", "retry: 10\n\n", "retry: soon\n\n", "id: 7\n\n",
            "unknown: field\n\n", "\n\n\n",
        ])
    func ignored(noise: String) async throws {
        let counting = counting
        let pieces = try unnumbered(counting.events)
        let server = ScriptedServer([{ _ in stream([noise] + pieces.flatMap { [$0, noise] }) }])
        try await server.serve { client in
            let received = try await client.stream(agent: "counter", input: "2").collect()
            #expect(received.map(\.event) == counting.events)
            #expect(received.map(\.index) == Array(0..<counting.events.count))
        }
    }

    @Test(
        "All line endings, a byte order mark and named events are supported",
        arguments: ["\r", "\n", "\r\n"])
    func lineEnds(end: String) async throws {
        let counting = counting
        let pieces = try counting.events.map { event in
            let json = String(decoding: try ACPJSON.encode(event), as: UTF8.self)
            return ["event: \(event.kind.rawValue)", ": comment", "data:\(json)", "", ""].joined(separator: end)
        }
        let server = ScriptedServer([{ _ in stream(["\u{feff}"] + pieces) }])
        try await server.serve { client in
            let received = try await client.stream(agent: "counter", input: "2").collect()
            #expect(received.map(\.event) == counting.events)
        }
    }

    @Test("Data that is not an event is an error in an event without a name")
    func garbage() async throws {
        for noise in [
            "data: hello\n\n", "event: message.part\ndata: {\"type\":1}\n\n", "data: {\"type\":\"generic\",}\n\n",
        ] {
            let server = ScriptedServer([{ _ in stream([noise], run: "abc") }])
            try await server.serve { client in
                let error = try await #require(throws: ACPClientError.self) {
                    try await client.stream(agent: "a", input: "x").collect()
                }
                #expect(error.code == .invalidResponse)
            }
        }
    }

    @Test("A response with a trailing comma is not JSON")
    func strictResponses() async throws {
        let server = ScriptedServer([{ _ in text("{\"agents\":[],}", type: "application/json") }])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) { try await client.agents() }
            #expect(error.code == .invalidResponse)
            #expect(error.message.contains("a comma in an object must be followed by another member"))
        }
    }

    // MARK: Outages

    @Test("An outage and its end are reported once each, over any number of attempts")
    func outages() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let tally = Tally()
        let busy: ScriptedServer.Handler = { _ in try json(ACPError(.unavailable, "busy"), status: .serviceUnavailable)
        }
        let server = ScriptedServer([
            { _ in stream(Array(pieces[..<3]), run: counting.id, cutAfter: (tally, 3)) }, busy, busy, busy,
            { _ in stream(Array(pieces[3...])) },
        ])
        let log = ChangeLog()
        var configuration = ACPClient.Configuration.quick
        configuration.onStreamConnectionChange = { log.add($0) }
        try await server.serve(configuration: configuration) { client in
            let received = try await client.stream(agent: "counter", input: "2").collect(tally)
            #expect(received.map(\.event) == counting.events)
        }
        let seen = log.changes
        #expect(seen.count == 2 && seen.last == .restored(run: counting.id))
        guard case .lost(let run, _)? = seen.first else {
            Issue.record("no loss was reported")
            return
        }
        #expect(run == counting.id)
    }

    @Test("The error of a stream that could not be continued describes the attempts")
    func whatWasTried() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let tally = Tally()
        let server = ScriptedServer([
            { _ in stream(Array(pieces[..<3]), run: counting.id, cutAfter: (tally, 3)) },
            { _ in try json(ACPError(.unavailable, "busy"), status: .serviceUnavailable) },
        ])
        var configuration = ACPClient.Configuration.quick
        configuration.reconnection.maximumAttempts = 3
        let log = ChangeLog()
        configuration.onStreamConnectionChange = { log.add($0) }
        try await server.serve(configuration: configuration) { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.stream(agent: "counter", input: "2").collect(tally)
            }
            #expect(error.message.contains("3 attempts to reconnect to 127.0.0.1:"))
            #expect(error.message.contains("busy"))
        }
        #expect(log.changes.count == 1)
    }

    // MARK: What can be sent

    @Test(
        "An idempotency key that a header cannot contain is rejected before a request is sent",
        arguments: ["", " ", "a\nb", "a ", String(repeating: "k", count: 256)])
    func idempotencyKeys(key: String) async throws {
        let client = try ACPClient("http://127.0.0.1:1")
        let error = try await #require(throws: ACPClientError.self) {
            try await client.run(RunCreateRequest(agentName: "a", input: [], idempotencyKey: key))
        }
        #expect(error.code == .invalidConfiguration)
    }
}

private final class ChangeLog: Sendable {
    private let log = Mutex<[ACPClient.StreamConnectionChange]>([])
    var changes: [ACPClient.StreamConnectionChange] { log.withLock { $0 } }
    func add(_ change: ACPClient.StreamConnectionChange) { log.withLock { $0.append(change) } }
}
