// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

@Suite("Streams")
struct StreamTests {
    let counting = CountingRun()

    @Test("The run's id is known before its events, and all events have their index")
    func givesEvents() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let server = ScriptedServer([{ _ in stream(pieces, run: counting.id) }])
        try await server.serve { client in
            let events = try await client.stream(agent: "counter", input: "4")
            #expect(events.runID == counting.id)
            let received = try await events.collect()
            #expect(received.map(\.event) == counting.events)
            #expect(received.map(\.index) == Array(0..<counting.events.count))
        }
        #expect(server.seen.first?.headers[.accept] == "text/event-stream")
        let sent = try server.seen.first?.decode(RunCreateRequest.self)
        #expect(sent?.mode == .stream)
    }

    @Test("The run is built from its events")
    func buildsTheRun() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let server = ScriptedServer([{ _ in stream(pieces, run: counting.id) }])
        let run = try await server.serve { client in
            var run = Run(agentName: "counter")
            for try await event in try await client.stream(agent: "counter", input: "4") { run.apply(event.event) }
            return run
        }
        #expect(run == counting.completed)
    }

    @Test(
        "A stream continues at any event after a lost connection, without sending the run again", arguments: 0..<9,
        [true, false])
    func goesOn(_ place: Int, _ isCut: Bool) async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let half = String(pieces[min(place, 8)].dropLast(7))
        let tally = Tally()
        let server = ScriptedServer([
            { _ in
                stream(Array(pieces[..<place]) + [half], run: counting.id, cutAfter: isCut ? (tally, place) : nil)
            },
            { seen in
                let last = seen.headers[.lastEventID].flatMap { Int($0) } ?? -1
                return stream(Array(pieces[(last + 1)...]))
            },
        ])
        try await server.serve { client in
            let received = try await client.stream(agent: "counter", input: "4").collect(tally)
            #expect(received.map(\.event) == counting.events)
            #expect(received.map(\.index) == Array(0..<counting.events.count))
        }
        #expect(server.lines == ["POST /runs", "GET /runs/\(counting.id)/events"])
        #expect(server.seen.last?.headers[.lastEventID] == (place == 0 ? nil : "\(place - 1)"))
    }

    @Test("A stream survives a restart of the server")
    func survivesRestart() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let busy: ScriptedServer.Handler = { _ in
            try json(ACPError(.unavailable, "starting"), status: .serviceUnavailable)
        }
        let tally = Tally()
        let server = ScriptedServer([
            { _ in stream(Array(pieces[..<3]), run: counting.id, cutAfter: (tally, 3)) }, busy, busy,
            { _ in stream(Array(pieces[3..<5]), cutAfter: (tally, 5)) }, busy, busy,
            { _ in stream(Array(pieces[5...])) },
        ])
        var configuration = ACPClient.Configuration.quick
        configuration.reconnection.maximumAttempts = 3
        try await server.serve(configuration: configuration) { client in
            let received = try await client.stream(agent: "counter", input: "4").collect(tally)
            #expect(received.map(\.event) == counting.events)
        }
    }

    @Test("Repeated events are skipped and missing ones requested again")
    func repairsTheOrder() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let server = ScriptedServer([
            { _ in stream([pieces[0], pieces[1], pieces[1], pieces[0], pieces[4]], run: counting.id) },
            { _ in stream(pieces) },
        ])
        try await server.serve { client in
            let received = try await client.stream(agent: "counter", input: "4").collect()
            #expect(received.map(\.event) == counting.events)
        }
    }

    @Test("A stream polls the list of events if the server neither streams nor numbers them")
    func goesOnByList() async throws {
        let (counting, events) = (counting, counting.events)
        let pieces = try unnumbered(events)
        let tally = Tally()
        let server = ScriptedServer([
            { _ in stream(Array(pieces[..<3]), run: counting.id, cutAfter: (tally, 3)) },
            { _ in try json(RunEventsListResponse(events: Array(events[..<3]))) },
            { _ in try json(counting.run) },
            { _ in try json(RunEventsListResponse(events: Array(events[..<6]))) },
            { _ in try json(RunEventsListResponse(events: events)) },
        ])
        try await server.serve { client in
            let received = try await client.stream(agent: "counter", input: "4").collect(tally)
            #expect(received.map(\.event) == events)
            #expect(received.map(\.index) == Array(0..<events.count))
        }
    }

    @Test("The error of an interrupted stream contains the position")
    func errorContainsPosition() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let tally = Tally()
        let server = ScriptedServer([
            { _ in stream(Array(pieces[..<3]), run: counting.id, cutAfter: (tally, 3)) },
            { _ in try json(ACPError(.serverError, "no storage"), status: .internalServerError) },
        ])
        var configuration = ACPClient.Configuration.quick
        configuration.reconnection.maximumAttempts = 2
        try await server.serve(configuration: configuration) { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.stream(agent: "counter", input: "4").collect(tally)
            }
            #expect(error.code == .streamBroken)
            #expect(error.lastIndex == 2)
            #expect(error.runID == counting.id)
            #expect(error.serverError?.message == "no storage")
            #expect(error.message.contains("after event 2"))
        }
        #expect(server.lines.count == 3)
    }

    @Test("A stream ends at once if the run does not exist any more")
    func endsWhenTheRunIsGone() async throws {
        let server = ScriptedServer([{ _ in try json(ACPError(.notFound, "no such run"), status: .notFound) }])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) { try await client.follow("abc").collect() }
            #expect(error.code == .serverError)
            #expect(error.status == 404)
        }
        #expect(server.lines.count == 1)
    }

    @Test("Data that is not an event is an error")
    func throwsForGarbage() async throws {
        let server = ScriptedServer([{ _ in stream(["data: hello\n\n"], run: "abc") }])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.stream(agent: "counter", input: "4").collect()
            }
            #expect(error.code == .invalidResponse)
            #expect(error.message.contains("hello"))
        }
        #expect(server.lines.count == 1)
    }

    @Test("A response that is not a stream is an error")
    func throwsForNoStream() async throws {
        let server = ScriptedServer([{ _ in text("<h1>Hi</h1>") }])
        try await server.serve { client in
            for call in [
                { _ = try await client.stream(agent: "counter", input: "4") },
                { _ = try await client.follow("abc").collect() },
            ] as [@Sendable () async throws -> Void] {
                let error = try await #require(throws: ACPClientError.self) { try await call() }
                #expect(error.code == .invalidResponse)
                #expect(error.message.contains("<h1>Hi</h1>"))
            }
        }
    }

    @Test("The error contains the server's reason for interrupting the stream")
    func givesTheReason() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let reason = ACPError(.serverError, "the disk is full")
        let tail = try unnumbered([.error(reason)])
        let server = ScriptedServer([{ _ in stream(Array(pieces[..<2]) + tail, run: counting.id) }])
        try await server.serve(configuration: .init(reconnection: .never)) { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.stream(agent: "counter", input: "4").collect()
            }
            #expect(error.code == .streamBroken)
            #expect(error.serverError == reason)
            #expect(error.lastIndex == 1)
        }
    }

    @Test("A resume that is interrupted before its first event cannot be continued")
    func resumeCannotGuess() async throws {
        let server = ScriptedServer([{ _ in stream([": hello\n"], run: "abc", cut: true) }])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.stream(resuming: "abc", with: "Ada").collect()
            }
            #expect(error.code == .streamBroken)
            #expect(error.runID == "abc")
        }
        #expect(server.lines == ["POST /runs/abc"])
    }

    @Test("A resume continues after its first numbered event")
    func resumeGoesOn() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let tally = Tally()
        let server = ScriptedServer([
            { _ in stream([pieces[5]], cutAfter: (tally, 1)) },
            { _ in stream(Array(pieces[6...])) },
        ])
        try await server.serve { client in
            let received = try await client.stream(resuming: counting.id, with: "Ada").collect(tally)
            #expect(received.map(\.index) == [5, 6, 7, 8].prefix(received.count).map { $0 })
            #expect(received.last?.event == counting.events.last)
        }
        #expect(server.seen.last?.headers[.lastEventID] == "5")
    }

    @Test("A stream ends at a question, and following continues after it")
    func endsAtQuestions() async throws {
        let counting = counting
        let events: [Event] = [
            .runCreated(counting.run), .runAwaiting(counting.with(.awaiting)),
            .runInProgress(counting.with(.inProgress)), .runCompleted(counting.completed),
        ]
        let pieces = try numbered(events.enumerated())
        let server = ScriptedServer([{ _ in stream(pieces, run: counting.id) }])
        try await server.serve { client in
            let streamed = try await client.stream(agent: "counter", input: "").collect()
            #expect(streamed.count == 2)
            let followed = try await client.follow(counting.id).collect()
            #expect(followed.count == 4)
            let settled = try await client.follow(counting.id, until: .settled).collect()
            #expect(settled.count == 2)
            let rest = try await client.follow(counting.id, after: 1).collect()
            #expect(rest.map(\.index) == [2, 3])
        }
        #expect(server.seen.last?.headers[.lastEventID] == "1")
    }

    @Test("A stream can be iterated once")
    func isIteratedOnce() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let server = ScriptedServer([{ _ in stream(pieces, run: counting.id) }])
        try await server.serve { client in
            let events = try await client.stream(agent: "counter", input: "4")
            _ = try await events.collect()
            let error = try await #require(throws: ACPClientError.self) { try await events.collect() }
            #expect(error.code == .streamConsumed)
        }
    }

    @Test("An iterator remains at its end")
    func staysAtItsEnd() async throws {
        let pieces = try numbered(counting.events.enumerated())
        let server = ScriptedServer([{ _ in stream(pieces) }])
        try await server.serve { client in
            let iterator = client.follow("abc").makeAsyncIterator()
            while try await iterator.next() != nil {}
            #expect(try await iterator.next() == nil)
        }
    }

    @Test("The connection is closed when the task is cancelled and when the loop is left")
    func endsItsConnection() async throws {
        let pieces = try numbered(counting.events.enumerated())
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let server = ScriptedServer([
            { _ in
                Response(
                    status: .ok, headers: [.contentType: "text/event-stream"],
                    body: ResponseBody { writer in
                        defer { end.yield() }
                        try await writer.write(ByteBuffer(string: pieces[0]))
                        // Ends only by the client's going away, which makes a write fail.
                        while true {
                            try await writer.write(ByteBuffer(string: ":\n"))
                            try await Task.sleep(for: .milliseconds(5))
                        }
                    })
            }
        ])
        try await server.serve { client in
            for try await _ in client.follow("abc") { break }
            var ended = ends.makeAsyncIterator()
            #expect(await ended.next() != nil)

            let (firsts, first) = AsyncStream.makeStream(of: Void.self)
            let task = Task { for try await _ in client.follow("abc") { first.yield() } }
            _ = await firsts.first { _ in true }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await ended.next() != nil)
        }
    }

    @Test("A silent connection is replaced")
    func replacesSilentConnections() async throws {
        let (counting, pieces) = (counting, try numbered(counting.events.enumerated()))
        let server = ScriptedServer([
            { seen in
                Response(
                    status: .ok, headers: [.contentType: "text/event-stream"],
                    body: ResponseBody { writer in
                        try await writer.write(ByteBuffer(string: pieces[0]))
                        await seen.hang()
                    })
            },
            { seen in
                let last = seen.headers[.lastEventID].flatMap { Int($0) } ?? -1
                return stream(Array(pieces[(last + 1)...]))
            },
        ])
        var configuration = ACPClient.Configuration.quick
        configuration.timeouts.streamIdle = .milliseconds(200)
        try await server.serve(configuration: configuration) { client in
            let received = try await client.follow(counting.id).collect()
            #expect(received.map(\.event) == counting.events)
        }
        #expect(server.lines.count >= 2)
    }

    @Test("A slow reader slows the server down")
    func slowsTheServerDown() async throws {
        let counting = counting
        let part = Event.messagePart(.text(String(repeating: "x", count: 64 * 1024)))
        let piece = try unnumbered([part])[0]
        let (writes, write) = AsyncStream.makeStream(of: Int.self)
        let total = 2_000
        let server = ScriptedServer([
            { _ in
                Response(
                    status: .ok, headers: [.contentType: "text/event-stream"],
                    body: ResponseBody { writer in
                        defer { write.finish() }
                        for number in 0..<total {
                            try await writer.write(ByteBuffer(string: piece))
                            write.yield(number)
                        }
                    })
            },
            { _ in try json(counting.run) },
        ])
        try await server.serve { client in
            let iterator = client.follow("abc").makeAsyncIterator()
            _ = try await iterator.next()
            // The server writes until every buffer between it and this reader is full. As long as a write still ends
            // within a quarter of a second, it is not.
            let written = await count(writes, untilSilentFor: .milliseconds(250))
            #expect(written < total, "everything was read without demand")
        }
    }

    private func count(_ numbers: AsyncStream<Int>, untilSilentFor pause: Duration) async -> Int {
        let latest = Latest()
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { for await number in numbers { await latest.set(number + 1) } }
            group.addTask {
                var before = -1
                while await latest.value != before {
                    before = await latest.value
                    try? await Task.sleep(for: pause)
                }
            }
            // The first task ends only if the server has written everything.
            await group.next()
            group.cancelAll()
            return await latest.value
        }
    }

    private actor Latest {
        var value = 0
        func set(_ value: Int) { self.value = value }
    }
}

extension RunStream {
    func collect(_ tally: Tally? = nil) async throws -> [StreamedEvent] {
        var events: [StreamedEvent] = []
        for try await event in self {
            events.append(event)
            tally?.add()
        }
        return events
    }
}
