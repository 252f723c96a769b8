// SPDX-License-Identifier: Apache-2.0

import ACPClient
import NIOHTTP1
import Testing

@testable import ACPServer

@Suite("Resources of session descriptors")
struct ResourceTests {
    @Test("A message can be cached, and is not sent again to a client that has it")
    func messageCaching() async throws {
        try await withServer { serving in
            _ = try await serving.client.run(agent: "echo", input: "x", session: "s")
            let answer = try await serving.get("/sessions/s/history/0")
            #expect(answer.headers.first(name: "Content-Type") == "application/json")
            #expect(answer.headers.first(name: "Cache-Control") == "private, max-age=3600, immutable")
            #expect(answer.headers.first(name: "X-Content-Type-Options") == "nosniff")
            let tag = try #require(answer.headers.first(name: "ETag"))
            for condition in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
                for method in [HTTPMethod.GET, .HEAD] {
                    let again = try await serving.send(
                        method, "/sessions/s/history/0", headers: ["If-None-Match": condition])
                    #expect(again.status == 304 && again.body.isEmpty, "\(method) \(condition)")
                    #expect(again.headers.first(name: "ETag") == tag)
                    #expect(again.headers.first(name: "Cache-Control") != nil)
                }
            }
            for condition in ["\"other\"", "other", ""] {
                let again = try await serving.get("/sessions/s/history/0", headers: ["If-None-Match": condition])
                #expect(again.body == answer.body)
            }
            let head = try await serving.send(.HEAD, "/sessions/s/history/0")
            #expect(head.status == 200 && head.body.isEmpty && head.headers.first(name: "ETag") == tag)
            // The same place in another session with the same id holds something else.
            _ = try await serving.send(.DELETE, "/sessions/s")
            _ = try await serving.client.run(agent: "echo", input: "y", session: "s")
            #expect(try await serving.get("/sessions/s/history/0", headers: ["If-None-Match": tag]).status == 200)
        }
    }

    @Test("A state is revalidated, and sent again when it has changed")
    func stateCaching() async throws {
        try await withServer { serving in
            _ = try await serving.client.run(agent: "counter", input: "x", session: "s")
            let first = try await serving.get("/sessions/s/state")
            #expect(first.headers.first(name: "Cache-Control") == "private, no-cache")
            let tag = try #require(first.headers.first(name: "ETag"))
            #expect(try await serving.get("/sessions/s/state", headers: ["If-None-Match": tag]).status == 304)
            _ = try await serving.client.run(agent: "counter", input: "x", session: "s")
            let second = try await serving.get("/sessions/s/state", headers: ["If-None-Match": tag])
            #expect(second.status == 200 && second.text == "2")
        }
    }

    @Test(
        "A state that a browser could execute is sent as a download",
        arguments: [
            ("text/html", true), ("TEXT/HTML; charset=utf-8", true), ("image/svg+xml", true), ("application/xml", true),
            ("application/octet-stream", true), ("application/json", false), ("text/plain; charset=utf-8", false),
            ("image/png", false),
        ])
    func activeContent(contentType: String, isDownload: Bool) async throws {
        try await withServer(agents: { server in
            try server.addAgent("page") { context in
                let state = SessionState(bytes: Array("<script>".utf8), contentType: contentType)
                try await context.session.setRawState(state)
            }
        }) { serving in
            _ = try await serving.client.run(agent: "page", input: "x", session: "s")
            let answer = try await serving.get("/sessions/s/state")
            #expect(answer.headers.first(name: "Content-Type") == contentType)
            #expect(answer.headers.first(name: "X-Content-Type-Options") == "nosniff")
            let policy = "default-src 'none'; frame-ancestors 'none'; sandbox"
            #expect(answer.headers.first(name: "Content-Security-Policy") == policy)
            #expect(answer.headers.first(name: "X-Frame-Options") == "DENY")
            #expect(answer.headers.first(name: "Content-Disposition") == (isDownload ? "attachment" : nil))
        }
    }

    // MARK: Long histories

    private static func long(_ storage: any Storage, _ count: Int = 1_000) async throws {
        let entries = (0..<count).map { index -> HistoryEntry in
            index == 7 ? .link("http://other.example/m") : .message(Message("\(index)"))
        }
        try await storage.append([HistoryBlock(key: "long", entries: entries)], to: "s")
    }

    @Test("The descriptor of 1,000 messages is read in pages")
    func descriptorOfLongHistory() async throws {
        let storage = ScriptedStorage()
        try await Self.long(storage)
        try await withServer(storage) { serving in
            let history = try await serving.client.sessionDescriptor("s").plain.history
            #expect(history.count == 1_000 && history[7] == "http://other.example/m")
            #expect(history.last == "\(serving.url)/sessions/s/history/999")
        }
        // The count, and pages that grow as the entries turn out to be small.
        #expect(storage.historyReads.map(\.count) == [0, 32, 64, 128, 200, 200, 200, 176])
    }

    @Test("A page of a long history takes one read, of the page only")
    func pageOfLongHistory() async throws {
        let storage = ScriptedStorage()
        try await Self.long(storage)
        try await withServer(storage) { serving in
            let page = try await serving.get("/sessions/s/history?limit=10&offset=5").decode(
                SessionHistoryResponse.self)
            #expect(page.total == 1_000)
            #expect(page.history.map { $0.message?.text } == ["5", "6", nil] + (8..<15).map { "\($0)" })
            #expect(page.history[2].url == "http://other.example/m")
            #expect(page.history[0].url == "\(serving.url)/sessions/s/history/5")
            #expect(storage.historyReads == [.init(offset: 5, count: 10)])
            _ = try await serving.get("/sessions/s/history/500")
            #expect(storage.historyReads.last == .init(offset: 500, count: 1) && storage.historyReads.count == 2)
            #expect(try await serving.client.history(of: "s").history.count == 10, "the default")
            #expect(try await serving.client.history(of: "s", offset: 2_000).history.isEmpty)
        }
    }

    @Test("A client reads 1,000 messages with ten requests, each with a few reads")
    func clientReadsPages() async throws {
        let storage = ScriptedStorage()
        let entries = (0..<1_000).map { HistoryEntry.message(Message("\($0)")) }
        try await storage.append([HistoryBlock(key: "long", entries: entries)], to: "s")
        try await withServer(storage) { serving in
            var texts: [String] = []
            for try await message in serving.client.session("s").messageStream() { texts.append(message.text) }
            #expect(texts == (0..<1_000).map { "\($0)" })
            #expect(storage.historyReads.map(\.count) == Array(repeating: [32, 64, 4], count: 10).flatMap { $0 })
            #expect(try await serving.client.messages(of: "s", limit: 3).map(\.text) == ["997", "998", "999"])
            #expect(try await serving.client.messages(of: "s", limit: 0).isEmpty)
        }
    }

    @Test("Pages of unknown sessions, and invalid limits, are rejected")
    func badPages() async throws {
        try await withServer { serving in
            try await serving.get("/sessions/nobody/history").expectError(404, .notFound)
            _ = try await serving.client.run(agent: "echo", input: "x", session: "s")
            for query in ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=x"] {
                try await serving.get("/sessions/s/history?\(query)").expectError(422, .invalidInput)
            }
            await #expect(throws: ACPClientError.self) {
                for try await _ in serving.client.messageStream(of: "nobody") {}
            }
        }
    }
}
