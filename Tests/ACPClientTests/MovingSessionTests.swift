// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import Testing

/// Answers for a session: a descriptor, runs that complete, and messages that say their own path.
private func sessionServer(_ descriptor: @escaping @Sendable () -> SessionDescriptor) -> ScriptedServer {
    ScriptedServer([
        { seen in
            if seen.line.hasPrefix("POST /runs") {
                var run = CountingRun().completed
                let request = try seen.decode(RunCreateRequest.self)
                run.sessionID = request.sessionID ?? request.session?.id ?? descriptor().id
                return try json(run)
            }
            if seen.line.hasPrefix("GET /session") { return try json(descriptor()) }
            return try json(Message(seen.line))
        }
    ])
}

extension ScriptedServer {
    fileprivate var creations: [RunCreateRequest] {
        get throws { try seen.filter { $0.line == "POST /runs" }.map { try $0.decode(RunCreateRequest.self) } }
    }
}

@Suite("Moving sessions")
struct MovingSessionTests {
    private static let signature = String(repeating: "s", count: 43)

    private static func signed(_ url: String, _ expires: Int) -> String {
        SessionLink(signing: url, expires: expires, signature: signature).url
    }

    @Test("A moved session sends its descriptor once, and only its id afterwards")
    func bringTheirDescriptor() async throws {
        let descriptor = SessionDescriptor(
            id: "abc", history: ["http://one.example/1"], state: "http://one.example/state")
        let (one, other) = (sessionServer { descriptor }, sessionServer { SessionDescriptor(id: "abc") })
        try await one.serve { client in
            try await other.serve { otherClient in
                let session = client.session("abc")
                _ = try await session.run(agent: "echo", input: "1")
                try await session.move(to: otherClient)
                #expect(session.client.url == otherClient.url && session.id == "abc")
                for input in ["2", "3"] { _ = try await session.run(agent: "echo", input: input) }
                try await session.move(to: client)
                _ = try await session.run(agent: "echo", input: "4")
            }
        }
        #expect(try one.creations.map(\.session) == [nil, SessionDescriptor(id: "abc")])
        #expect(try other.creations.map(\.session) == [descriptor, nil])
        #expect(try other.creations.map(\.sessionID) == ["abc", "abc"])
    }

    @Test("A moved session sends its descriptor again if the server did not accept it")
    func bringItAgain() async throws {
        let descriptor = SessionDescriptor(id: "abc", history: ["http://one.example/1"])
        let server = ScriptedServer([
            { _ in try json(ACPError(.unavailable, "busy"), status: .serviceUnavailable) },
            { _ in try json(CountingRun().completed) },
        ])
        try await server.serve { client in
            let session = client.session(continuing: descriptor)
            await #expect(throws: ACPClientError.self) { try await session.run(agent: "echo", input: "1") }
            for input in ["1", "2"] { _ = try await session.run(agent: "echo", input: input) }
        }
        #expect(try server.creations.map(\.session) == [descriptor, descriptor, nil])
    }

    @Test("A session without an id moves without a descriptor, and one that cannot be described does not move")
    func notBegun() async throws {
        let one = ScriptedServer([{ _ in try json(ACPError(.notFound, "no such session"), status: .notFound) }])
        let other = sessionServer { SessionDescriptor(id: "new") }
        try await one.serve { client in
            try await other.serve { otherClient in
                let session = client.session()
                try await session.move(to: otherClient)
                _ = try await session.run(agent: "echo", input: "1")
                let unknown = client.session("unknown")
                await #expect(throws: ACPClientError.self) { try await unknown.move(to: otherClient) }
                #expect(unknown.client.url == client.url)
            }
        }
        #expect(try other.creations.map(\.session) == [nil])
    }

    @Test("A session that moves twice without a run keeps its first descriptor")
    func twice() async throws {
        let descriptor = SessionDescriptor(id: "abc", history: ["http://one.example/1"])
        let servers = [
            sessionServer { descriptor }, sessionServer { SessionDescriptor(id: "wrong") },
            sessionServer { SessionDescriptor(id: "wrong") },
        ]
        try await servers[0].serve { first in
            try await servers[1].serve { second in
                try await servers[2].serve { third in
                    let session = first.session("abc")
                    try await session.move(to: second)
                    try await session.move(to: third)
                    _ = try await session.run(agent: "echo", input: "1")
                }
            }
        }
        #expect(try servers[2].creations.map(\.session) == [descriptor])
        #expect(servers[1].lines.isEmpty)
    }

    @Test("A session has its signatures renewed by its previous servers before they expire")
    func renewed() async throws {
        let far = 4_000_000_000
        // The first server signs for longer each time that it is asked; the second one keeps what it was told first.
        let one = ScriptedServer([
            { _ in try json(SessionDescriptor(id: "abc", history: [Self.signed("http://one.example/1", 5)])) },
            { _ in try json(SessionDescriptor(id: "abc", history: [Self.signed("http://one.example/1", far)])) },
        ])
        let other = sessionServer {
            SessionDescriptor(id: "abc", history: [Self.signed("http://one.example/1", 5), "http://two.example/1"])
        }
        let third = sessionServer { SessionDescriptor(id: "abc") }
        try await one.serve { client in
            try await other.serve { otherClient in
                try await third.serve { thirdClient in
                    let session = client.session("abc")
                    try await session.move(to: otherClient)
                    // What was brought has expired meanwhile.
                    for input in ["1", "2"] { _ = try await session.run(agent: "echo", input: input) }
                    try await session.move(to: thirdClient)
                    _ = try await session.run(agent: "echo", input: "3")
                }
            }
        }
        let fresh = Self.signed("http://one.example/1", far)
        #expect(try other.creations.map { $0.session?.history } == [[fresh], nil])
        #expect(try third.creations.map { $0.session?.history } == [[fresh, "http://two.example/1"]])
    }
}

@Suite("Streams of a session's messages")
struct SessionMessagesTests {
    @Test("A session's messages are read in pages, and loaded from other servers")
    func pages() async throws {
        let there = ScriptedServer([{ _ in try json(Message("elsewhere")) }])
        try await there.serveAtURL { other in
            let server = ScriptedServer([
                { seen in
                    let offset = Int(seen.line.split(separator: "=").last ?? "") ?? 0
                    let entries = (offset..<min(offset + 100, 250)).map { index in
                        index == 120
                            ? SessionHistoryEntry(url: "\(other)/m")
                            : SessionHistoryEntry(url: "/x", message: Message("\(index)"))
                    }
                    return try json(SessionHistoryResponse(history: entries, total: 250))
                }
            ])
            try await server.serve(configuration: .init(bearerToken: "s3cret")) { client in
                var texts: [String] = []
                for try await message in client.messageStream(of: "abc") { texts.append(message.text) }
                #expect(texts == (0..<250).map { $0 == 120 ? "elsewhere" : "\($0)" })
            }
            #expect(server.lines.count == 3)
        }
        #expect(there.seen.map { $0.headers[.authorization] } == [nil])
    }

    @Test("Messages are loaded one by one if the server has no pages, and only those that are read")
    func withoutPages() async throws {
        let server = ScriptedServer([
            { seen in
                if seen.line.contains("/history?") {
                    return text("{\"detail\":\"Not Found\"}", type: "application/json", status: .notFound)
                }
                if seen.line.hasPrefix("GET /session") {
                    return try json(SessionDescriptor(id: "abc", history: (0..<100).map { "/m/\($0)" }))
                }
                return try json(Message(String(seen.line.split(separator: "/").last ?? "")))
            }
        ])
        try await server.serve { client in
            var texts: [String] = []
            for try await message in client.messageStream(of: "abc", offset: 10) {
                texts.append(message.text)
                if texts.count == 9 { break }
            }
            #expect(texts == (10..<19).map { "\($0)" })
        }
        #expect(server.lines.filter { $0.contains("/m/") }.count == 16, "two rounds of eight")
    }

    @Test("The sequence of messages ends at the first error")
    func errors() async throws {
        let server = ScriptedServer([{ _ in try json(ACPError(.serverError, "broken"), status: .internalServerError) }])
        try await server.serve { client in
            var iterator = client.messageStream(of: SessionDescriptor(history: (0..<20).map { "/\($0)" }))
                .makeAsyncIterator()
            await #expect(throws: ACPClientError.self) { _ = try await iterator.next() }
            let after = try await iterator.next()
            #expect(after == nil)
        }
    }
}
