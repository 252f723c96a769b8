// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Synchronization
import Testing

@Suite("Links", .timeLimit(.minutes(5)))
struct LinkTests {
    /// Returns what the test specifies, and counts.
    private final class Loader: ResourceLoader {
        let requests = Shared<[ResourceRequest]>([])
        let answer: @Sendable (ResourceRequest) throws -> LoadedResource

        init(_ answer: @escaping @Sendable (ResourceRequest) throws -> LoadedResource) { self.answer = answer }

        func load(_ request: ResourceRequest) async throws -> LoadedResource {
            requests.change { $0.append(request) }
            return try answer(request)
        }

        var urls: [String] { requests.value.map(\.url) }
    }

    private static func json(_ text: String) -> LoadedResource {
        LoadedResource(bytes: Array(text.utf8), contentType: "application/json")
    }

    // MARK: Parts

    @Test("The data of a part is its content, or what its URL refers to")
    func data() async throws {
        let loader = Loader { request in
            #expect(request.purpose == .content && request.session == "s-1")
            return LoadedResource(bytes: [1, 2, 3], contentType: "image/png")
        }
        let engine = makeEngine(MemoryStorage(), configuration(resourceLoader: loader))
        try engine.agents.addAgent("reader") { context async throws in
            let parts: [(MessagePart, [UInt8])] = [
                (.text("héllo"), Array("héllo".utf8)),
                (.data([0, 255], contentType: "a/b"), [0, 255]),
                (MessagePart(), []),
                (MessagePart(contentURL: "http://files.example/x"), [1, 2, 3]),
                (MessagePart(contentURL: "data:text/plain;base64,aGk="), Array("hi".utf8)),
            ]
            for (part, bytes) in parts { #expect(try await part.data(in: context) == bytes) }
            let broken = MessagePart(content: "=", contentEncoding: .base64)
            let error = await #expect(throws: ACPError.self) { try await context.data(of: broken) }
            #expect(error?.code == .invalidInput && error?.message.contains("base64") == true)
            #expect(try await context.resource(at: "http://files.example/y").contentType == "image/png")
        }
        #expect(try await engine.call("reader", session: "s-1").status == .completed)
        #expect(loader.urls == ["http://files.example/x", "http://files.example/y"])
    }

    @Test(
        "A data: URL contains its content",
        arguments: [
            ("data:,", "", "text/plain;charset=US-ASCII"),
            ("data:,a%20b%2Cc,d", "a b,c,d", "text/plain;charset=US-ASCII"),
            ("DATA:text/html;charset=utf-8,%C3%A9", "é", "text/html;charset=utf-8"),
            ("data:;charset=utf-8;base64,aGk%3D", "hi", "text/plain;charset=utf-8"),
            ("data:a/b;BASE64,aGk=", "hi", "a/b"),
        ])
    func dataURL(url: String, text: String, type: String) async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("reader") { context async throws in
            let resource = try await context.resource(at: url)
            #expect(resource == LoadedResource(bytes: Array(text.utf8), contentType: type))
        }
        #expect(try await engine.call("reader").status == .completed)
    }

    @Test(
        "An invalid data: URL is an error",
        arguments: ["data:", "data:x", "data:,%", "data:,%2", "data:,%zz", "data:;base64,=", "data:;base64,é"])
    func brokenDataURL(url: String) async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("reader") { context async throws in
            let error = await #expect(throws: LinkError.self) { try await context.resource(at: url) }
            #expect(error?.code == .invalidURL)
        }
        #expect(try await engine.call("reader").status == .completed)
    }

    @Test("A run loads no more resources than the limit, and the next run starts again")
    func loadLimit() async throws {
        let loader = Loader { _ in Self.json(#"{"role":"user","parts":[]}"#) }
        let limited = configuration(resourceLoader: loader).with { $0.maximumLinkLoads = 3 }
        let engine = makeEngine(MemoryStorage(), limited)
        try engine.agents.addAgent("reader") { context async throws in
            var count = 0
            let error = await #expect(throws: LinkError.self) {
                for try await _ in context.session.historyMessages() { count += 1 }
            }
            #expect(error?.code == .tooMany && error?.message.contains("maximumLinkLoads") == true)
            #expect(count == 3)
        }
        let urls = (0..<5).map { "https://a.example/\($0)" }
        for _ in 0..<2 {
            let run = try await engine.execute(
                RunRequest(agent: "reader", input: ["x"], session: "s-1", forwardedHistory: urls))
            #expect(run.status == .completed)
        }
        #expect(loader.urls.count == 6)
    }

    @Test("A run loads no more bytes than the limit")
    func byteLimit() async throws {
        let loader = Loader { _ in LoadedResource(bytes: Array(repeating: 0, count: 1_000), contentType: "a/b") }
        let limited = configuration(resourceLoader: loader).with { $0.maximumLinkBytes = 2_500 }
        let engine = makeEngine(MemoryStorage(), limited)
        try engine.agents.addAgent("reader") { context async throws in
            for number in 0..<2 { _ = try await context.resource(at: "https://a.example/\(number)") }
            for number in 2..<5 {
                let error = await #expect(throws: LinkError.self) {
                    try await context.resource(at: "https://a.example/\(number)")
                }
                #expect(error?.code == .tooLarge && error?.message.contains("maximumLinkBytes") == true)
            }
        }
        #expect(try await engine.call("reader", session: "s-1").status == .completed)
        #expect(loader.urls.count == 3)
    }

    @Test("A session refers to no more messages on other servers than the limit, however they are added")
    func sessionLinks() async throws {
        let engine = makeEngine(MemoryStorage(), configuration().with { $0.maximumSessionLinks = 4 })
        try engine.agents.addAgent("echo") { _ in }
        func bring(_ numbers: Range<Int>) async throws {
            let urls = numbers.map { "https://a.example/\($0)" }
            _ = try await engine.execute(RunRequest(agent: "echo", input: ["x"], session: "s", forwardedHistory: urls))
        }
        let first = await #expect(throws: RunEngineError.self) { try await bring(0..<5) }
        #expect(first.map { "\($0)" }?.contains("maximumSessionLinks") == true)
        for _ in 0..<5 { try await bring(0..<4) }
        await #expect(throws: RunEngineError.self) { try await bring(3..<5) }
        let links = try await engine.storage.history(of: "s").filter { if case .link = $0 { true } else { false } }
        #expect(links.count == 4)
    }

    @Test("A resource that cannot be loaded fails the run with the reason, and without secrets of the URL")
    func failure() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("reader") { context async throws in
            _ = try await context.resource(at: "https://user:password@files.example/x?signature=secret")
        }
        let error = try #require(try await engine.call("reader").error)
        #expect(error.code == .serverError && error.data?["link_error"] == "unavailable")
        #expect(error.message.hasPrefix("https://files.example/x was not loaded"))
    }

    @Test("A link that does not refer to a message fails the reading, and nothing else")
    func noMessage() async throws {
        let loader = Loader { $0.url.hasSuffix("good") ? Self.json(#"{"parts":[]}"#) : Self.json("[]") }
        let engine = makeEngine(MemoryStorage(), configuration(resourceLoader: loader))
        try engine.agents.addAgent("reader") { context async throws in
            var count = 0
            let error = await #expect(throws: LinkError.self) {
                for try await _ in context.session.historyMessages() { count += 1 }
            }
            #expect(error?.code == .badResponse && error?.message.contains("http://a/bad") == true)
            return "\(count)"
        }
        let request = RunRequest(
            agent: "reader", input: ["?"], session: "s-1",
            forwardedHistory: ["http://a/good", "http://a/bad", "http://a/last"])
        #expect(try await engine.execute(request).text == "1")
        #expect(loader.urls == ["http://a/good", "http://a/bad"], "nothing is loaded before it is read")
    }

    // MARK: State

    private func forwarding(_ agent: AgentName, state: String? = "http://a/state") -> RunRequest {
        RunRequest(agent: agent, input: ["?"], session: "s-1", forwardedState: state)
    }

    private func addAgents(to engine: RunEngine) throws {
        try engine.agents.addAgent("idle") { _ in }
        try engine.agents.addAgent("peek") { context in
            let first = try await context.session.state(as: Int.self)
            #expect(try await context.session.state(as: Int.self) == first)
            return first.map(String.init) ?? "none"
        }
        try engine.agents.addAgent("counter") { context in
            "\(try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 })"
        }
        try engine.agents.addAgent("forget") { context in try await context.session.setRawState(nil) }
    }

    @Test(
        "A state that another server keeps is loaded on demand, once per run, also in later runs and in other processes"
    )
    func forwardedState() async throws {
        let storage: any Storage = MemoryStorage()
        let loader = Loader { request in
            #expect(request.purpose == .state)
            return Self.json("41")
        }
        let engine = makeEngine(storage, configuration(resourceLoader: loader))
        try addAgents(to: engine)
        _ = try await engine.execute(forwarding("idle"))
        #expect(loader.urls.isEmpty)
        #expect(try await engine.execute(forwarding("peek")).text == "41")
        #expect(loader.urls.count == 1)

        let other = makeEngine(storage, configuration(resourceLoader: loader))
        try addAgents(to: other)
        #expect(try await other.call("peek", session: "s-1").text == "41")
        #expect(try await other.call("counter", session: "s-1").text == "42")
        #expect(loader.urls.count == 3)
        #expect(try await storage.session("s-1")?.forwardedState == nil)
        // From here on it is kept here, even if the same descriptor is sent again.
        #expect(try await engine.execute(forwarding("counter")).text == "43")
        #expect(try await engine.execute(forwarding("peek")).text == "43")
        #expect(loader.urls.count == 3)
    }

    @Test(
        "A session that returns has the state that it was given elsewhere, and not an earlier one")
    func stateComesHome() async throws {
        let storage: any Storage = MemoryStorage()
        let loader = Loader { Self.json($0.url.contains("v=1") ? "10" : "20") }
        let engine = makeEngine(storage, configuration(resourceLoader: loader))
        try addAgents(to: engine)
        #expect(try await engine.call("counter", session: "s-1").text == "1")
        #expect(try await engine.execute(forwarding("counter", state: "http://b/state?v=1")).text == "11")
        #expect(try await engine.execute(forwarding("counter", state: "http://b/state?v=1")).text == "12")
        #expect(try await engine.execute(forwarding("idle", state: "http://b/state?v=2")).status == .completed)
        #expect(try await engine.call("peek", session: "s-1").text == "20")
        #expect(try await engine.call("counter", session: "s-1").text == "21")
        let signature = String(repeating: "s", count: 43)
        func signed(_ expires: Int) -> String { "http://b/state?v=3&expires=\(expires)&signature=\(signature)" }
        for expires in [5, 9, 7] { _ = try await engine.execute(forwarding("idle", state: signed(expires))) }
        #expect(
            try await storage.session("s-1")?.forwardedState == signed(9), "the signature that can be used for longest")
    }

    @Test("The newest URL of a state is used, and the metadata of the session is kept")
    func newerState() async throws {
        let storage: any Storage = MemoryStorage()
        let loader = Loader { Self.json($0.url.hasSuffix("new") ? "2" : "1") }
        let engine = makeEngine(storage, configuration(resourceLoader: loader))
        try addAgents(to: engine)
        try await storage.save(SessionRecord(id: "s-1", metadata: ["owner": "Ada"]), expecting: nil)
        #expect(try await engine.execute(forwarding("peek")).text == "1")
        let version = try await storage.session("s-1")?.version
        #expect(try await engine.execute(forwarding("peek")).text == "1")
        #expect(try await storage.session("s-1")?.version == version, "what is known is not written again")
        #expect(try await engine.execute(forwarding("peek", state: "http://a/new")).text == "2")
        _ = try await engine.execute(forwarding("forget", state: nil))
        #expect(try await engine.call("peek", session: "s-1").text == "none")
        #expect(try await storage.session("s-1")?.metadata["owner"] == "Ada")
    }

    @Test("Concurrent runs that change a state which another server keeps lose no change")
    func racedState() async throws {
        let loader = Loader { _ in Self.json("100") }
        let engine = makeEngine(MemoryStorage(), configuration(resourceLoader: loader))
        try addAgents(to: engine)
        let counts = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await engine.execute(forwarding("counter")).text } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(counts == Set((101...120).map(String.init)))
    }

    @Test("A state that cannot be loaded fails the run that reads it, with the reason")
    func missingState() async throws {
        let loader = Loader { _ in throw LinkError(.notFound, "it is gone") }
        let engine = makeEngine(MemoryStorage(), configuration(resourceLoader: loader))
        try addAgents(to: engine)
        let failed = try await engine.execute(forwarding("counter"))
        #expect(failed.status == .failed && failed.error?.message == "it is gone")
        #expect(try await engine.execute(forwarding("idle")).status == .completed)
    }
}
