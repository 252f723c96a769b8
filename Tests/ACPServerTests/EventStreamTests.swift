// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import Testing

@Suite("Following a run")
struct EventStreamTests {
    @Test("A reader that reconnects with its last id receives exactly the rest, from every index")
    func lastEventID() async throws {
        try await withServer(agents: { try $0.addWords(12) }) { serving in
            let run = try await serving.client.run(agent: "words", input: "x")
            let path = "/runs/\(run.id)/events"
            let all = try await serving.events(path)
            #expect(all.count == 17)
            for index in all.indices {
                #expect(try await serving.events(path, after: index) == Array(all[(index + 1)...]))
            }
            #expect(try await serving.events(path, after: 4_000).isEmpty, "an id beyond the end has nothing after it")
            #expect(try await serving.events(path, after: .max - 1).isEmpty)
        }
    }

    @Test("A reader that reconnects during the run receives the stored rest and further events, from every index")
    func lastEventIDLive() async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { server in
            try server.addAgent("two-halves") { context in
                for word in 0..<6 { try await context.yield("\(word) ") }
                try await gate.wait()
                for word in 6..<12 { try await context.yield("\(word) ") }
            }
        }) { serving in
            let id = try await serving.client.start(agent: "two-halves", input: "x").id
            try await eventually("the first half") { try await serving.client.events(of: id).count == 9 }
            try await withThrowingTaskGroup(of: (Int, [SentEvent]).self) { group in
                for index in 0..<9 {
                    group.addTask { (index, try await serving.events("/runs/\(id)/events", after: index)) }
                }
                gate.send()
                for try await (index, events) in group {
                    #expect(events.compactMap(\.id) == Array((index + 1)..<17))
                    #expect(events.last?.kind == "run.completed")
                }
            }
        }
    }

    @Test("Offset and limit apply to the list of events, and offset also to the stream")
    func offsets() async throws {
        try await withServer(agents: { try $0.addWords(12) }) { serving in
            let run = try await serving.client.run(agent: "words", input: "x")
            let all = try await serving.client.events(of: run.id)
            #expect(try await serving.client.events(of: run.id, limit: 5, offset: 3) == Array(all[3..<8]))
            #expect(try await serving.client.events(of: run.id, limit: 1_000, offset: 15) == Array(all[15...]))
            #expect(try await serving.client.events(of: run.id, limit: 5, offset: 17).isEmpty)
            let stream = try await serving.events("/runs/\(run.id)/events?offset=10")
            #expect(stream.compactMap(\.id) == Array(10..<17))
            let both = try await serving.events("/runs/\(run.id)/events?offset=10", after: 14)
            #expect(both.compactMap(\.id) == [15, 16], "where a reader stopped counts for more than where it began")
        }
    }

    @Test("A follower of a run reads it through its question to its end")
    func throughAnAwait() async throws {
        try await withServer { serving in
            let run = try await serving.client.run(agent: "questioner", input: "hello")
            #expect(run.status == .awaiting)
            let hasAsked = Signal<Void>()
            async let followed = {
                var events: [StreamedEvent] = []
                for try await event in serving.client.follow(run.id) {
                    events.append(event)
                    if event.event.kind == .runAwaiting { hasAsked.send() }
                }
                return events
            }()
            try await hasAsked.wait()
            #expect(try await serving.client.resume(run.id, with: "Ada").text == "Hello, Ada!")
            let events = try await followed
            #expect(events.map(\.index) == events.indices.map { $0 })
            #expect(
                events.map(\.event.kind.rawValue) == [
                    "run.created", "run.in-progress", "run.awaiting", "run.in-progress", "message.created",
                    "message.part", "message.completed", "run.completed",
                ])
        }
    }

    @Test("A stream without events sends comments, and one with events does not")
    func keepAlive() async throws {
        let gate = Signal<Void>()
        let configuration = ServerConfiguration.quick.with { $0.keepAliveInterval = .milliseconds(20) }
        try await withServer(configuration: configuration, agents: { try $0.addGated(gate) }) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", body: RunningServer.runJSON("gated", mode: .stream)))
                _ = try await connection.read(until: "run.in-progress")
                for _ in 0..<3 { _ = try await connection.read(until: ": keep-alive\n\n") }
                gate.send()
                let rest = try await connection.read(until: "0\r\n\r\n")
                #expect(rest.contains("run.completed"), "the stream continues after the comments")
            }
            try await serving.expectStillServing()
        }
    }

    @Test(
        "An invalid keep-alive interval is corrected",
        arguments: [Duration.zero, .seconds(-1), .seconds(Int64.max / 4)])
    func senselessInterval(_ interval: Duration) async throws {
        let configuration = ServerConfiguration.quick.with { $0.keepAliveInterval = interval }
        try await withServer(configuration: configuration) { serving in
            let events = SentEvent.parse(try await serving.run("echo", mode: .stream).text)
            #expect(events.last?.kind == "run.completed")
        }
    }

    @Test("A client that does not accept a stream receives the list", arguments: ["application/json", "*/*", ""])
    func list(accept: String) async throws {
        try await withServer { serving in
            let run = try await serving.client.run(agent: "echo", input: "x")
            let answer = try await serving.get("/runs/\(run.id)/events", headers: ["Accept": accept])
            #expect(answer.headers.first(name: "Content-Type") == "application/json")
            #expect(try answer.decode(RunEventsListResponse.self).events.count == 6)
        }
    }

    @Test(
        "A client that accepts a stream among other types receives it",
        arguments: ["text/event-stream", "application/json, text/event-stream", "Text/Event-Stream;q=0.9"])
    func accepts(accept: String) async throws {
        try await withServer { serving in
            let run = try await serving.client.run(agent: "echo", input: "x")
            let answer = try await serving.get("/runs/\(run.id)/events", headers: ["Accept": accept])
            #expect(answer.headers.first(name: "Content-Type") == "text/event-stream")
            #expect(answer.headers.first(name: "Run-ID") == run.id.rawValue)
        }
    }

    @Test("200 concurrent streams each receive all events of their run")
    func manyStreams() async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { try $0.addGated(gate) }) { serving in
            let begun = Counter()
            let runs = try await withThrowingTaskGroup(of: RunID.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        let stream = try await serving.client.stream(agent: "gated", input: "x")
                        var kinds: [String] = []
                        for try await event in stream {
                            kinds.append(event.event.kind.rawValue)
                            if let run = event.event.run { #expect(run.id == stream.runID) }
                            if event.event.kind == .runInProgress { begun.add() }
                        }
                        #expect(kinds.last == "run.completed" && kinds.count == 6)
                        return try #require(stream.runID)
                    }
                }
                try await eventually("all 200 runs are under way") { begun.value == 200 }
                #expect(serving.server.engine.activeRuns == 200)
                gate.send()
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(runs.count == 200)
        }
    }
}

extension ACPServer {
    /// Adds an agent that yields a number of words.
    func addWords(_ count: Int) throws {
        try addExamples()
        try addAgent("words") { context in
            for word in 0..<count { try await context.yield("\(word) ") }
        }
    }

    /// An agent that waits until it may speak.
    func addGated(_ gate: Signal<Void>) throws {
        try addExamples()
        try addAgent("gated") { context in
            try await gate.wait()
            return "through"
        }
    }
}
