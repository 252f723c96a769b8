// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import HTTPTypes
import NIOHTTP1
import Testing

@Suite("Isolation of principals")
struct IsolationTests {
    @Test("Lists contain a principal's own runs, with exact totals, for every filter")
    func lists() async throws {
        try await withServer(configuration: try .principals()) { server async throws in
            var own: [TestCaller: [RunID]] = [:]
            for index in 0..<12 {
                let caller: TestCaller = index % 3 == 0 ? .other : .owner
                own[caller, default: []].insert(try await server.created("echo", as: caller).id, at: 0)
            }
            let waiting = try await server.created("questioner", as: .other).id
            own[.other]?.insert(waiting, at: 0)
            for caller in [TestCaller.owner, .other] {
                let runs = try #require(own[caller])
                #expect(try await server.list("", as: caller) == (runs, runs.count))
                #expect(try await server.list("?agent_name=echo", as: caller).total == (caller == .owner ? 8 : 4))
                #expect(
                    try await server.list("?status=awaiting", as: caller)
                        == (caller == .owner ? [] : [waiting], caller == .owner ? 0 : 1))
                let page = try await server.list("?offset=2&limit=1", as: caller)
                #expect(page == ([runs[2]], runs.count))
            }
            #expect(try await server.list("", as: .administrator).total == 13)
            #expect(
                try await server.list("", as: .reader).total == 8, "a token that reads belongs to the same principal")
        }
    }

    @Test("A run and its events name their principal")
    func member() async throws {
        try await withServer(configuration: try .principals(isolation: false)) { server async throws in
            let run = try await server.created("echo", as: .other)
            #expect(run.principal == "bob")
            let events = try await server.send(.GET, "/runs/\(run.id)/events", as: .owner).text
            #expect(events.contains(#""principal":"bob""#), "without isolation, others can read it")
            let body = #"{"agent_name":"echo","principal":"alice","input":[{"parts":[{"content":"x"}]}]}"#
            let forged = try await server.send(.POST, "/runs", body, as: .other).decode(Run.self)
            #expect(forged.principal == "bob", "the request cannot name another one")
        }
    }

    @Test("Handlers get the principal with its roles and claims")
    func handler() async throws {
        let seen = Signal<Principal?>()
        let configuration = ServerConfiguration.quick.with {
            $0.authentication = .principal { _ in
                Principal(id: "ada", roles: [.call, .read], claims: ["team": "engines"])
            }
        }
        try await withServer(
            configuration: configuration,
            agents: { server in
                try server.addAgent("who") { context in
                    seen.send(context.principal)
                    return context.principal?.id.rawValue ?? ""
                }
            }
        ) { server async throws in
            #expect(try await server.client.run(agent: "who", input: "x").text == "ada")
        }
        #expect(try await seen.wait() == Principal(id: "ada", roles: [.call, .read], claims: ["team": "engines"]))
    }

    // MARK: - Sessions

    @Test("A session belongs to the principal that names it first, and its state and history are its own")
    func sessions() async throws {
        try await withServer(configuration: try .principals()) { server async throws in
            let first = try await server.created("counter", session: "shared", as: .owner)
            #expect(first.text == "Count: 1")
            let refused = try await server.run("counter", session: "shared", as: .other)
            let error = try refused.expectError(403, .unauthorized)
            #expect(error.message.contains("belongs to another caller"))
            #expect(try await server.created("counter", session: "shared", as: .owner).text == "Count: 2")
            #expect(try await server.server.engine.storage.storedSession("shared")?.principal == "alice")
            let administered = try await server.run("counter", session: "shared", as: .administrator)
            #expect(try administered.decode(Run.self).text == "Count: 3")
            #expect(try await server.list("?session_id=shared", as: .owner).total == 2)
            #expect(try await server.list("?session_id=shared", as: .other) == ([], 0))
            #expect(try await server.list("?session_id=shared", as: .administrator).total == 3)
        }
    }

    @Test("Of many principals that use a new session at the same time, one gets it")
    func race() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.authentication = .principal { request in
                request.headerFields[.userAgent].flatMap { PrincipalID(rawValue: $0) }.map { Principal(id: $0) }
            }
            $0.isolation = true
        }
        try await withServer(configuration: configuration) { server async throws in
            for round in 0..<10 {
                let winners = try await withThrowingTaskGroup(of: String?.self) { group in
                    for name in ["ada", "bob", "cyd", "dan"] {
                        group.addTask {
                            let body = RunningServer.sessionRunJSON("echo", session: SessionID(rawValue: "s-\(round)"))
                            let response = try await server.post("/runs", body, headers: ["User-Agent": name])
                            #expect([200, 403].contains(response.status), "\(response.text)")
                            return response.status == 200 ? name : nil
                        }
                    }
                    return try await group.reduce(into: [String]()) { names, name in names += name.map { [$0] } ?? [] }
                }
                #expect(winners.count == 1)
                let stored = try await server.server.engine.storage.storedSession(
                    try #require(SessionID(rawValue: "s-\(round)")))
                #expect(stored?.principal?.rawValue == winners.first)
            }
        }
    }

    @Test("A session that the server has created belongs to the principal of its first run, also when that is deleted")
    func createdSessions() async throws {
        try await withServer(configuration: try .principals()) { server async throws in
            let run = try await server.created("echo", as: .owner)
            let session = try #require(run.sessionID)
            #expect(try await server.server.engine.storage.storedSession(session) == nil, "nothing is stored of it yet")
            try await server.run("echo", session: session, as: .other).expectError(403, .unauthorized)
            try await server.send(.GET, "/sessions/\(session)", as: .other).expectError(404, .notFound)
            #expect(try await server.send(.DELETE, "/runs/\(run.id)", as: .owner).status == 204)
            #expect(try await server.send(.GET, "/sessions/\(session)/history", as: .owner).status == 200)
            try await server.send(.GET, "/sessions/\(session)/history", as: .other).expectError(404, .notFound)
            try await server.run("echo", session: session, as: .other).expectError(403, .unauthorized)
            let second = try await server.created("echo", session: session, as: .owner)
            #expect(second.sessionID == session)
        }
    }

    @Test("Runs and sessions from before principals were distinguished are those of administrators")
    func earlierData() async throws {
        let storage = MemoryStorage()
        let run = try await withServer(storage) { server async throws in
            let body = RunningServer.sessionRunJSON("counter", session: "old")
            return try await server.post("/runs", body).decode(Run.self)
        }
        #expect(run.principal == nil)
        try await withServer(storage, configuration: try .principals()) { server async throws in
            for path in ["/runs/\(run.id)", "/sessions/old", "/sessions/old/state"] {
                try await server.send(.GET, path, as: .owner).expectError(404, .notFound)
                #expect(try await server.send(.GET, path, as: .administrator).status == 200)
            }
            try await server.run("counter", session: "old", as: .owner).expectError(403, .unauthorized)
            #expect(try await server.run("counter", session: "old", as: .administrator).status == 200)
            #expect(try await server.list("", as: .owner) == ([], 0))
        }
    }

    // MARK: - Idempotency

    @Test("Each principal has idempotency keys of its own")
    func idempotency() async throws {
        for isolation in [true, false] {
            try await withServer(configuration: try .principals(isolation: isolation)) { server async throws in
                func run(_ text: String, as caller: TestCaller) async throws -> ReceivedResponse {
                    try await server.run("echo", text, as: caller, headers: ["Idempotency-Key": "key"])
                }
                let first = try await run("hi", as: .owner).decode(Run.self)
                let repeated = try await run("hi", as: .owner).decode(Run.self)
                #expect(first.id == repeated.id)
                let other = try await run("something else", as: .other)
                #expect(other.status == 200, "the key is not known to be used: \(other.text)")
                let otherRun = try other.decode(Run.self)
                #expect(otherRun.id != first.id && otherRun.principal == "bob")
                try await run("changed", as: .owner).expectError(422, .invalidInput)
            }
        }
    }

    // MARK: - What sessions and messages refer to

    @Test("A descriptor cannot bring the messages or the state of another principal's session into one's own")
    func descriptors() async throws {
        try await withServer(configuration: try .principals()) { server async throws in
            _ = try await server.created("counter", session: "alice-1", as: .owner)
            for link in ["history/0", "state"] {
                for session in ["alice-1", "unknown"] {
                    let url = "\(server.url)/sessions/\(session)/\(link)"
                    let descriptor =
                        link == "state"
                        ? #"{"id":"bob-1","history":[],"state":"\#(url)"}"# : #"{"id":"bob-1","history":["\#(url)"]}"#
                    let body =
                        #"{"agent_name":"counter","session":\#(descriptor),"input":[{"parts":[{"content":"x"}]}]}"#
                    try await server.send(.POST, "/runs", body, as: .other).expectError(404, .notFound)
                }
            }
            #expect(try await server.server.engine.storage.storedSession("bob-1") == nil)
        }
    }

    @Test("A message cannot refer to another principal's session by the server's own URL")
    func contents() async throws {
        let configuration = try ServerConfiguration.principals().with { $0.publicURL = "http://agents.example.com" }
        try await withServer(
            configuration: configuration,
            agents: { server in
                try server.addExamples()
                try server.addAgent("reader") { context in
                    let part = try #require(context.input.first?.parts.first)
                    return String(decoding: try await context.data(of: part), as: UTF8.self)
                }
            }
        ) { server async throws in
            _ = try await server.created("echo", "the secret of Alice", session: "alice-1", as: .owner)
            let body =
                #"{"agent_name":"reader","input":[{"parts":[{"content_type":"application/json","content_url":"http://agents.example.com/sessions/alice-1/history/0"}]}]}"#
            let own = try await server.send(.POST, "/runs", body, as: .owner).decode(Run.self)
            #expect(own.status == .completed && own.text.contains("the secret of Alice"))
            let foreign = try await server.send(.POST, "/runs", body, as: .other).decode(Run.self)
            let missing = try await server.send(
                .POST, "/runs", body.replacing("alice-1", with: "alice-2"), as: .other
            ).decode(Run.self)
            #expect(foreign.status == .failed && !foreign.text.contains("secret"))
            #expect(
                foreign.error?.message.replacing("alice-1", with: "alice-2") == missing.error?.message,
                "\(String(describing: foreign.error))")
        }
    }

    @Test("A signed URL grants access to everybody who has it, and other URLs to the owner alone")
    func signedURLs() async throws {
        let configuration = try ServerConfiguration.principals().with {
            $0.urlSigning = try URLSigning(keys: ["0123456789abcdef"])
        }
        try await withServer(configuration: configuration) { server async throws in
            let session = SessionID()
            _ = try await server.created("counter", session: session, as: .owner)
            let descriptor = try await server.send(.GET, "/sessions/\(session)", as: .owner)
                .decode(SessionDescriptor.self)
            for url in descriptor.history + [try #require(descriptor.state)] {
                let path = String(url.dropFirst(server.url.count))
                let plain = String(path.prefix { $0 != "?" })
                for caller in [TestCaller.nobody, .other, .reader, .owner] {
                    #expect(try await server.send(.GET, path, as: caller).status == 200)
                }
                try await server.send(.GET, plain, as: .nobody).expectError(403, .unauthorized)
                try await server.send(.GET, plain, as: .other).expectError(404, .notFound)
                for caller in [TestCaller.reader, .owner, .administrator] {
                    #expect(try await server.send(.GET, plain, as: caller).status == 200)
                }
            }
            let body =
                #"{"agent_name":"echo","session":{"id":"bob-1","history":["\#(descriptor.history[0])"]},"input":[{"parts":[{"content":"x"}]}]}"#
            #expect(try await server.send(.POST, "/runs", body, as: .other).status == 200, "a session can be passed on")
        }
    }

    @Test("Isolation requires an authentication that finds principals")
    func validation() throws {
        let methods: [(Authentication?, Bool)] = [
            (nil, false), (.bearer("token"), false), (.custom { _ in true }, false), (.principal { _ in nil }, true),
            (try .tokens(TestCaller.tokens), true), (.clientCertificate(), true),
            (.any(try .tokens(TestCaller.tokens), .bearer("token")), false),
            (.any(try .tokens(TestCaller.tokens), .clientCertificate()), true),
        ]
        for (authentication, isValid) in methods {
            let configuration = ServerConfiguration(authentication: authentication, isolation: true)
            if isValid {
                try configuration.validate()
            } else {
                let error = try #require(throws: ServerError.self) { try configuration.validate() }
                #expect(error.code == .invalidConfiguration && error.message.contains("isolation"))
            }
        }
    }
}

extension RunningServer {
    /// Returns the ids and the total of a list of runs.
    fileprivate func list(_ query: String, as caller: TestCaller) async throws -> ListedRuns {
        let response = try await send(.GET, "/runs\(query.isEmpty ? "?limit=100" : query)", as: caller)
        #expect(response.status == 200, "\(response.text)")
        let list = try response.decode(JSONValue.self)
        let ids = list["runs"]?.arrayValue?.compactMap { $0["run_id"]?.stringValue }.compactMap { RunID(rawValue: $0) }
        return ListedRuns(ids: ids ?? [], total: list["total"]?.intValue ?? -1)
    }
}

private struct ListedRuns: Equatable {
    let ids: [RunID]
    let total: Int

    static func == (left: ListedRuns, right: ([RunID], Int)) -> Bool { left.ids == right.0 && left.total == right.1 }
}
