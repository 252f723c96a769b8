// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import NIOHTTP1
import Testing

@Suite("Limits of lists")
struct ListBoundsTests {
    private static func text(_ size: Int, _ sign: Character = "x") -> String { String(repeating: sign, count: size) }
    private static let pageBytes = 10_000

    private static var configuration: ServerConfiguration { .quick.with { $0.limits.maximumPageBytes = pageBytes } }

    private func addWriter(_ sizes: [Int]) -> (ACPServer) throws -> Void {
        { server in
            try server.addExamples()
            try server.addAgent("writer") { context in
                for size in sizes { try await context.yield(.text(Self.text(size))) }
            }
        }
    }

    @Test("A list of runs has URLs instead of large contents, and a single run is complete")
    func contents() async throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        try await withServer(agents: { server in
            try server.addAgent("artist") { context in
                try await context.yield(.text(Self.text(100_000, "\"")))
                try await context.yield(.data(bytes, contentType: "image/png"))
                try await context.yield(.text("small"))
            }
        }) { serving in
            let run = try await serving.client.run(agent: "artist", input: "x")
            let answer = try await serving.get("/runs?limit=1000")
            #expect(answer.body.count < 2_000)
            let listed = try #require(try answer.decode(RunsListResponse.self).runs.first)
            let parts = listed.output[0].parts
            #expect(parts.map(\.contentType) == ["text/plain", "image/png", "text/plain"])
            #expect(parts[0].content == nil && parts[1].content == nil && parts[2].content == "small")
            func path(_ part: MessagePart) throws -> String {
                let url = try #require(part.contentURL)
                #expect(url.hasPrefix(serving.url + "/runs/\(run.id)/contents/"))
                return String(url.dropFirst(serving.url.count))
            }
            let text = try await serving.get(path(parts[0]))
            #expect(text.text == Self.text(100_000, "\""))
            #expect(text.headers.first(name: "Content-Type") == "text/plain; charset=utf-8")
            let image = try await serving.get(path(parts[1]))
            #expect(image.body == bytes)
            #expect(image.headers.first(name: "X-Content-Type-Options") == "nosniff")
            #expect(try await serving.client.fetchRun(run.id) == run, "with everything in it")
            #expect(run.output[0].parts[1].bytes == bytes)
            for wrong in ["0", Self.text(64, "0")] {
                try await serving.get("/runs/\(run.id)/contents/\(wrong)").expectError(404, .notFound)
            }
            try await serving.get("\(path(parts[0]))?encoding=gzip").expectError(422, .invalidInput)
        }
    }

    @Test("A page of runs ends at its byte limit, and contains the offset of the next page")
    func runs() async throws {
        try await withServer(configuration: Self.configuration, agents: addWriter([1_500])) { serving in
            var ids: [RunID] = []
            for _ in 0..<23 { ids.append(try await serving.client.run(agent: "writer", input: "x").id) }
            var found: [RunID] = []
            var next: Int? = 0
            var pages = 0
            while let offset = next {
                let answer = try await serving.get("/runs?limit=1000&offset=\(offset)")
                #expect(answer.body.count < Self.pageBytes + 100)
                let page = try answer.decode(RunsListResponse.self)
                #expect(page.total == 23 && !page.runs.isEmpty)
                #expect(page.nextOffset.map { $0 == offset + page.runs.count } ?? true)
                found += page.runs.map(\.id)
                next = page.nextOffset
                pages += 1
            }
            #expect(found == ids.reversed())
            #expect(pages > 3)
            let last = try await serving.client.runs(limit: 2, offset: 21)
            #expect(last.runs.count == 2 && last.nextOffset == nil)
            #expect(try await serving.client.runs(limit: 2, offset: 5).nextOffset == 7)
            #expect(try await serving.client.runs(limit: 2, offset: 23).nextOffset == nil)
        }
    }

    @Test("A page has at least one item, however large that is")
    func atLeastOne() async throws {
        try await withServer(configuration: Self.configuration, agents: addWriter([30_000])) { serving in
            let run = try await serving.client.run(agent: "writer", input: "x", session: "s")
            _ = try await serving.client.run(agent: "writer", input: "x", session: "s")
            let runs = try await serving.client.runs(limit: 1000)
            #expect(runs.runs.count == 1 && runs.nextOffset == 1)
            let events = try await serving.get("/runs/\(run.id)/events?offset=3&limit=10")
            let page = try events.decode(RunEventsListResponse.self)
            #expect(page.events.map(\.kind) == [.messagePart] && page.nextOffset == 4)
            let history = try await serving.client.history(of: "s", limit: 100, offset: 1)
            #expect(history.history.count == 1 && history.nextOffset == 2 && history.total == 4)
        }
    }

    @Test("A page of events ends at its byte limit; without a limit all events are sent piece by piece")
    func events() async throws {
        let sizes = Array(repeating: 1_500, count: 40) + [25_000] + Array(repeating: 1_500, count: 40)
        try await withServer(configuration: Self.configuration, agents: addWriter(sizes)) { serving in
            let run = try await serving.client.run(agent: "writer", input: "x")
            let answer = try await serving.get("/runs/\(run.id)/events?limit=1000")
            #expect(answer.body.count < Self.pageBytes)
            let page = try answer.decode(RunEventsListResponse.self)
            #expect(page.nextOffset == page.events.count && (3..<10).contains(page.events.count))
            let all = try await serving.get("/runs/\(run.id)/events")
            #expect(all.headers.first(name: "Transfer-Encoding") == "chunked")
            let list = try all.decode(RunEventsListResponse.self)
            #expect(list.events.count == 86 && list.nextOffset == nil)
            #expect(list.events == (try await serving.server.engine.storage.events(of: run.id)))
            #expect(try await serving.client.events(of: run.id, limit: 1_000) == list.events, "page by page")
            #expect(try await serving.client.events(of: run.id, limit: 50, offset: 20) == Array(list.events[20..<70]))
            let rest = try await serving.get("/runs/\(run.id)/events?offset=85").decode(RunEventsListResponse.self)
            #expect(rest.events == [list.events[85]])
            #expect(try await serving.get("/runs/\(run.id)/events?offset=86").text == #"{"events":[]}"#)
            try await serving.get("/runs/\(RunID())/events").expectError(404, .notFound)
            try await serving.get("/runs/\(RunID())/events?limit=3").expectError(404, .notFound)
        }
    }

    @Test("A page of a history ends at its byte limit, and a client reads all pages")
    func history() async throws {
        try await withServer(configuration: Self.configuration, agents: addWriter([1_500])) { serving in
            for _ in 0..<20 { _ = try await serving.client.run(agent: "writer", input: "hi", session: "s") }
            let answer = try await serving.get("/sessions/s/history?limit=1000")
            #expect(answer.body.count < Self.pageBytes + 100)
            let page = try answer.decode(SessionHistoryResponse.self)
            #expect(page.total == 40 && page.nextOffset == page.history.count)
            #expect(page.history[1].url == serving.url + "/sessions/s/history/1")
            let messages = try await serving.client.messages(of: "s" as SessionID)
            #expect(messages.count == 40 && messages[39].text.utf8.count == 1_500)
        }
    }

    @Test("A long descriptor is sent piece by piece, without reading messages")
    func descriptor() async throws {
        let storage = MemoryStorage()
        try await withServer(storage) { serving in
            let large = Message(Self.text(100_000))
            try await serving.server.engine.storage.append(
                (0..<2_000).map { try HistoryBlock(key: "\($0)", entries: [.message($0 < 3 ? large : "small")]) },
                to: "s")
            try storage.append([HistoryBlock(link: "https://a.example/m")], to: "s")
            let answer = try await serving.get("/sessions/s")
            #expect(answer.headers.first(name: "Transfer-Encoding") == "chunked")
            let descriptor = try answer.decode(SessionDescriptor.self)
            #expect(descriptor.id == "s" && descriptor.state == nil)
            let own = (0..<2_000).map { "\(serving.url)/sessions/s/history/\($0)" }
            // Without what a server may add to its URLs.
            let listed = descriptor.history.map { url in String(url.prefix { $0 != "?" }) }
            #expect(listed.count == own.count + 1)
            #expect((listed == own + ["https://a.example/m"]) as Bool, "the order of the history")
            #expect(try await serving.send(.HEAD, "/sessions/s").status == 200)
            _ = try await serving.client.run(agent: "counter", input: "x", session: "short")
            let short = try await serving.get("/sessions/short")
            #expect(short.headers.first(name: "Content-Length") == "\(short.body.count)")
            #expect(try short.decode(SessionDescriptor.self).state?.contains("/sessions/short/state?v=1") == true)
        }
    }
}
