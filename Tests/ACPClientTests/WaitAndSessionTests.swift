// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import Testing

@Suite("Waiting for a run")
struct WaitTests {
    let counting = CountingRun()

    @Test("Waiting returns at once if the run has reached the milestone")
    func returnsAtOnce() async throws {
        let run = counting.with(.awaiting)
        let server = ScriptedServer([{ _ in try json(run) }])
        try await server.serve { client in
            let result = try await client.wait(for: run.id)
            #expect(result == run)
        }
        #expect(server.lines.count == 1)
    }

    @Test("Waiting continues through questions that have been answered")
    func waitsForTheEnd() async throws {
        let counting = counting
        let events: [Event] = [
            .runCreated(counting.run), .runAwaiting(counting.with(.awaiting)),
            .runInProgress(counting.with(.inProgress)), .runCompleted(counting.completed),
        ]
        let pieces = try numbered(events.enumerated())
        let running = counting.with(.inProgress)
        let server = ScriptedServer([
            { _ in try json(running) },
            { _ in stream(pieces) },
            { _ in try json(running) },
            { _ in try json(counting.completed) },
        ])
        try await server.serve { client in
            let run = try await client.wait(for: counting.id, timeout: .seconds(60))
            #expect(run == counting.completed)
        }
    }

    @Test("Waiting ends at its timeout")
    func givesUp() async throws {
        let run = counting.with(.inProgress)
        let server = ScriptedServer([
            { _ in try json(run) },
            { seen in
                await seen.hang()
                return stream([])
            },
        ])
        try await server.serve { client in
            let error = try await #require(throws: ACPClientError.self) {
                try await client.wait(for: run.id, until: .terminal, timeout: .milliseconds(50))
            }
            #expect(error.code == .timedOut)
            #expect(error.runID == run.id)
        }
    }

    @Test("A server that does not stream the events of a run is polled")
    func polls() async throws {
        let counting = counting
        let server = ScriptedServer([
            { _ in try json(counting.with(.inProgress)) },
            { _ in try json(RunEventsListResponse(events: [.runCreated(counting.run)])) },
            { _ in try json(RunEventsListResponse(events: counting.events)) },
            { _ in try json(counting.completed) },
        ])
        try await server.serve { client in
            let run = try await client.wait(for: counting.id, until: .terminal)
            #expect(run == counting.completed)
        }
    }

    @Test("Waiting ends although the list of events does not contain the last event")
    func endsWithoutEvent() async throws {
        let counting = counting
        let server = ScriptedServer([
            { seen in
                seen.line.hasSuffix("/events")
                    ? try json(RunEventsListResponse(events: [.runCreated(counting.run)]))
                    : try json(counting.completed)
            }
        ])
        try await server.serve { client in
            var count = 0
            for try await _ in client.follow(counting.id) { count += 1 }
            #expect(count == 1)
        }
    }
}

@Suite("Sessions")
struct SessionTests {
    @Test("A session continues with the id of its first run")
    func continueWithTheirFirstRun() async throws {
        let run = CountingRun().completed
        let server = ScriptedServer([{ _ in try json(run) }])
        try await server.serve { client in
            let session = client.session()
            #expect(session.id == nil)
            #expect(try await session.messages().isEmpty)
            _ = try await session.run(agent: "counter", input: "1")
            #expect(session.id == run.sessionID)
            _ = try await session.start(agent: "counter", input: "2")
        }
        let sent = try server.seen.map { try $0.decode(RunCreateRequest.self).sessionID }
        #expect(sent == [nil, run.sessionID])
    }

    @Test("A session takes its id from a stream")
    func learnFromStreams() async throws {
        let counting = CountingRun()
        let pieces = try numbered(counting.events.enumerated())
        let server = ScriptedServer([{ _ in stream(pieces, run: counting.id) }])
        try await server.serve { client in
            let session = client.session()
            for try await _ in try await session.stream(agent: "counter", input: "1") { break }
            #expect(session.id == counting.run.sessionID)
        }
    }

    @Test("The session of another server is sent with the run")
    func areSentAlong() async throws {
        let descriptor = SessionDescriptor(id: "abc", history: ["http://other.org/1"])
        let server = ScriptedServer([{ _ in try json(CountingRun().completed) }])
        try await server.serve { client in
            _ = try await client.session(continuing: descriptor).run(agent: "counter", input: "1")
        }
        let sent = try server.seen.first?.decode(RunCreateRequest.self)
        #expect(sent?.session == descriptor)
        #expect(sent?.sessionID == "abc")
    }

    @Test("Sessions are fetched from both paths")
    func areFoundAtBothPaths() async throws {
        let descriptor = SessionDescriptor(id: "abc")
        let server = ScriptedServer([
            { _ in text("{\"detail\":\"Not Found\"}", type: "application/json", status: .notFound) },
            { _ in try json(descriptor) },
        ])
        try await server.serve { client in
            let result = try await client.sessionDescriptor("abc")
            #expect(result == descriptor)
        }
        #expect(server.lines == ["GET /session/abc", "GET /sessions/abc"])
    }

    @Test("Messages are loaded in order, and the token is not sent to other servers")
    func loadTheirMessages() async throws {
        let message: ScriptedServer.Handler = { seen in try json(Message(String(seen.line.split(separator: "/")[1]))) }
        let (here, there) = (ScriptedServer([message]), ScriptedServer([message]))
        try await there.serveAtURL { other in
            try await here.serve(configuration: .init(bearerToken: "s3cret")) { client in
                let urls = (0..<20).map { $0.isMultiple(of: 5) ? "\(other)/\($0)" : "\(client.url)/\($0)" }
                let descriptor = SessionDescriptor(id: "abc", history: urls)
                let messages = try await client.messages(of: descriptor)
                #expect(messages.map(\.text) == (0..<20).map { "\($0)" })
                let newest = try await client.messages(of: descriptor, limit: 2)
                #expect(newest.map(\.text) == ["18", "19"])
            }
        }
        #expect(here.seen.allSatisfy { $0.headers[.authorization] == "Bearer s3cret" })
        #expect(there.seen.allSatisfy { $0.headers[.authorization] == nil })
        #expect(there.seen.count == 4)
    }
}
