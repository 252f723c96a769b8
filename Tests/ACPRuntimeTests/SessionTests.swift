// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Testing

@Suite("Sessions", .timeLimit(.minutes(5)))
struct SessionTests {
    private struct Loader: ResourceLoader {
        func load(_ request: ResourceRequest) async throws -> LoadedResource {
            #expect(request.purpose == .message && request.session == "s-1")
            return LoadedResource(
                bytes: try ACPJSON.encode(Message("loaded from \(request.url)")), contentType: "application/json")
        }
    }

    private func texts(_ page: [HistoryEntry]) -> [String] {
        page.map { entry in
            switch entry {
            case .message(let message): "\(message.role.rawValue): \(message.text)"
            case .link(let url): url
            }
        }
    }

    // MARK: State

    @Test("The state is what was stored last, of any type, or nothing")
    func state() async throws {
        struct Note: Codable, Equatable { var text: String }
        let engine = makeEngine()
        try engine.agents.addAgent("memory") { context in
            #expect(try await context.session.state(as: Note.self) == nil)
            #expect(try await context.session.rawState() == nil)
            try await context.session.setState(Note(text: "a"))
            #expect(try await context.session.state(as: Note.self) == Note(text: "a"))
            await #expect(throws: ACPError.self) { _ = try await context.session.state(as: Int.self) }
            await #expect(throws: ACPError.self) {
                _ = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            }
            await #expect(throws: ACPError.self) { try await context.session.setState(Double.nan) }
            let bytes = SessionState(bytes: [0, 255, 7], contentType: "application/octet-stream")
            try await context.session.setRawState(bytes)
            #expect(try await context.session.rawState() == bytes)
            try await context.session.setRawState(nil)
            #expect(try await context.session.rawState() == nil)
        }
        #expect(try await engine.call("memory").status == .completed)
    }

    @Test("A state of another type is an error of the server, not of the caller")
    func unreadableState() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("counter") { context in
            try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            return
        }
        try await engine.storage.save(
            SessionRecord(id: "s-1", state: SessionState(bytes: Array("\"text\"".utf8))), expecting: nil)
        let run = try await engine.call("counter", session: "s-1")
        #expect(run.error?.code == .serverError)
        #expect(run.error?.message.contains("s-1") == true)
    }

    @Test("Concurrent runs that update the state lose no update, and keep the metadata")
    func racedUpdates() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("counter") { context in
            let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            return "\(count)"
        }
        try await engine.storage.save(SessionRecord(id: "s-1", metadata: ["owner": "Ada"]), expecting: nil)
        let counts = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<40 { group.addTask { try await engine.call("counter", session: "s-1").text } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(counts == Set((1...40).map(String.init)))
        let record = try #require(try await engine.storage.session("s-1"))
        #expect(record.state?.bytes == Array("40".utf8))
        // The server keeps members of its own beside those of the application.
        #expect(record.metadata.filter { $0.key != "origin_key" } == ["owner": "Ada"])
    }

    // MARK: History

    @Test("The history has the input and the output of completed runs, in that order, and the next run reads it")
    func history() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("echo") { context in context.input }
        try engine.agents.addAgent("failer") { _ in throw ACPError("own", "x") }
        try engine.agents.addAgent("historian") { context in
            try await context.session.history().map(\.text).joined(separator: ",")
        }
        let first = try await engine.call("echo", "one")
        let session = try #require(first.sessionID)
        _ = try await engine.call("failer", "lost", session: session)
        _ = try await engine.call("echo", "two", session: session)
        #expect(try await engine.call("historian", "?", session: session).text == "one,one,two,two")
        let page = try await engine.history(of: session, from: 1, limit: 3)
        #expect(texts(page.items) == ["agent/echo: one", "user: two", "agent/echo: two"])
        #expect(page.total == 6)
    }

    @Test("40 concurrent runs of one session leave 80 entries, those of each run together and once")
    func concurrentHistory() async throws {
        let storage = ScriptedStorage()
        for number in [3, 10, 20] { storage.onHistoryAppend(number, .lostAnswer) }
        for number in [5, 15] { storage.onHistoryAppend(number, .failure(StorageError(.cannotConnect, "down"))) }
        let engine = makeEngine(storage)
        try engine.agents.addAgent("echo") { context in context.input }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask { _ = try await engine.call("echo", Message("\(number)"), session: "s-1") }
            }
            try await group.waitForAll()
        }
        let entries = texts(try await storage.history(of: "s-1"))
        #expect(entries.count == 80)
        #expect(Set(entries).count == 80)
        for index in stride(from: 0, to: entries.count, by: 2) {
            #expect(entries[index].dropFirst("user: ".count) == entries[index + 1].dropFirst("agent/echo: ".count))
        }
    }

    @Test("The history is stored before the run counts as completed")
    func historyFirst() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        try engine.agents.addAgent("echo") { context in context.input }
        let hold = storage.holdHistory()
        let id = try await engine.start("echo", session: "s-1")
        try await eventually("the end is in flight with its block") { storage.record.historyAppends == 1 }
        #expect(try await engine.fetchRun(id).status == .inProgress)
        #expect(try await !storage.kinds(id).contains("run.completed"))
        hold.open()
        #expect(try await engine.endedRun(id).status == .completed)
        #expect(try await storage.history(of: "s-1").count == 2)
    }

    @Test("A long history is read page by page, whatever the page size", arguments: [-1, 1, 7, 30, 100])
    func pages(size: Int) async throws {
        let engine = makeEngine()
        let block = try HistoryBlock(key: "old", entries: (0..<30).map { .message(Message("\($0)")) })
        try await engine.storage.append([block], to: "s-1")
        let found = Shared<[String]>([])
        try engine.agents.addAgent("historian") { context in
            for try await message in context.session.historyMessages(pageSize: size) {
                found.change { $0.append(message.text) }
            }
        }
        _ = try await engine.call("historian", session: "s-1")
        #expect(found.value == (0..<30).map(String.init))
    }

    @Test("Messages that another server keeps come first, once, and are loaded if a loader is configured")
    func links() async throws {
        let storage = MemoryStorage()
        let engine = makeEngine(storage, configuration(resourceLoader: Loader()))
        try engine.agents.addAgent("historian") { context in
            try await context.session.history().map(\.text).joined(separator: ",")
        }
        for expected in ["loaded from http://a/1,loaded from http://a/2", nil] {
            let run = try await engine.execute(
                RunRequest(
                    agent: "historian", input: ["?"], session: "s-1",
                    forwardedHistory: ["http://a/1", "http://a/2"]))
            if let expected { #expect(run.text == expected) }
        }
        let history = try await storage.history(of: "s-1")
        #expect(texts(history).prefix(2) == ["http://a/1", "http://a/2"])
        #expect(history.count == 6)

        let plain = makeEngine(storage)
        try plain.agents.addAgent("historian") { context in try await context.session.history() }
        let failed = try await plain.call("historian", session: "s-1")
        #expect(failed.status == .failed)
        #expect(failed.error?.message.contains("http://a/1") == true)
    }

    // MARK: From outside

    @Test("A session exists from its first run on, and can be deleted without its runs")
    func sessionFromOutside() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("echo") { context in context.input }
        try engine.agents.addAgent("failer") { _ in throw ACPError("own", "x") }
        #expect(await refusal { _ = try await engine.session("s-1") } == "unknown session")
        #expect(await refusal { try await engine.deleteSession(SessionID("s-1")) } == "unknown session")
        let failed = try await engine.call("failer", session: "s-1")
        #expect(try await engine.session("s-1").historyCount == 0)
        _ = try await engine.call("echo", session: "s-1")
        #expect(try await engine.session("s-1").historyCount == 2)
        try await engine.deleteSession(SessionID("s-1"))
        #expect(try await engine.history(of: "s-1", from: 0, limit: nil).total == 0)
        #expect(try await engine.fetchRun(failed.id).status == .failed)
        #expect(try await engine.runs(RunQuery(.session("s-1"))).total == 2)
        try await engine.deleteRun(failed.id)
        #expect(await refusal { try await engine.deleteRun(failed.id) } == "unknown run")
        #expect(await refusal { _ = try await engine.events(of: failed.id) } == "unknown run")
        #expect(try await engine.ping() >= .zero)
    }
}

extension SessionID {
    fileprivate init(_ text: String) { self.init(stringLiteral: text) }
}
