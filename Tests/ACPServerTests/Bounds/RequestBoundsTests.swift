// SPDX-License-Identifier: Apache-2.0

import ACPClient
import Testing

@testable import ACPServer

@Suite("Limits of requests")
struct RequestBoundsTests {
    private static var configuration: ServerConfiguration {
        .quick.with {
            $0.limits = ServerLimits(
                maximumMessages: 10, maximumParts: 20, maximumValues: 500, maximumLinks: 5, maximumLinkBytes: 200)
        }
    }

    private static func body(_ messages: [String], _ more: String = "") -> String {
        #"{"agent_name":"echo","input":[\#(messages.joined(separator: ","))]\#(more)}"#
    }

    private static func message(parts: Int) -> String {
        let parts = Array(repeating: #"{"content":"x"}"#, count: parts)
        return #"{"parts":[\#(parts.joined(separator: ","))]}"#
    }

    @Test("Messages and parts up to the limits are accepted, one more is rejected with 422")
    func messagesAndParts() async throws {
        try await withServer(configuration: Self.configuration) { serving in
            func post(_ counts: [Int]) async throws -> ReceivedResponse {
                try await serving.post("/runs", Self.body(counts.map(Self.message)))
            }
            #expect(try await post(Array(repeating: 2, count: 10)).status == 200)
            let messages = try await post(Array(repeating: 0, count: 11)).expectError(422, .invalidInput)
            #expect(messages.message.contains("11 messages") && messages.message.contains("maximumMessages"))
            let parts = try await post([1, 20]).expectError(422, .invalidInput)
            #expect(parts.message.contains("21 parts") && parts.message.contains("maximumParts"))
            let asked = try await serving.askedRun(.sync)
            let resume = #"{"await_resume":{"type":"message","message":\#(Self.message(parts: 21))}}"#
            try await serving.post("/runs/\(asked)", resume).expectError(422, .invalidInput)
            #expect(try await serving.client.resume(asked, with: "Ada").text == "Hello, Ada!")
        }
    }

    @Test("A body of very many small values is rejected before it is decoded")
    func values() async throws {
        try await withServer(configuration: Self.configuration) { serving in
            for body in [
                Self.body(Array(repeating: #"{"parts":[]}"#, count: 300)),
                Self.body([
                    #"{"parts":[{"metadata":{"a":[\#(Array(repeating: "1", count: 600).joined(separator: ","))]}}]}"#
                ]),
                // Not even JSON: the rest of the body is not read.
                String(repeating: "[", count: 600),
            ] {
                let error = try await serving.post("/runs", body).expectError(422, .invalidInput)
                #expect(error.message.contains("500") && error.message.contains("maximumValues"))
            }
            let text = String(repeating: #"[{,:\""#, count: 2_000)
            let run = try await serving.client.run(agent: "echo", input: text)
            #expect(run.text == text, "signs within strings do not count")
        }
    }

    @Test("A descriptor with too many or too long URLs is rejected with 422 that names the limit")
    func links() async throws {
        try await withServer(configuration: Self.configuration) { serving in
            func post(_ urls: [String]) async throws -> ReceivedResponse {
                let history = urls.map { "\"\($0)\"" }.joined(separator: ",")
                return try await serving.post(
                    "/runs",
                    Self.body([Self.message(parts: 1)], #","session":{"id":"s","history":[\#(history)]}"#))
            }
            let urls = (0..<6).map { "https://a.example/\($0)" }
            #expect(try await post(Array(urls.prefix(5))).status == 200)
            let many = try await post(urls).expectError(422, .invalidInput)
            #expect(many.message.contains("6 URLs") && many.message.contains("maximumLinks"))
            let long = try await post([urls[0] + String(repeating: "x", count: 200)]).expectError(422, .invalidInput)
            #expect(long.message.contains("maximumLinkBytes"))
            #expect(try await serving.client.history(of: "s", limit: 100).total == 7)
        }
    }

    @Test("Large bodies are received one after the other if the budget suffices for one")
    func requestMemory() async throws {
        let configuration = ServerConfiguration.quick.with { $0.limits.requestMemory = 100_000 }
        try await withServer(configuration: configuration) { serving in
            let body = RunningServer.runJSON("echo", String(repeating: "x", count: 90_000))
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(
                    rawRequest("POST /runs", ["Content-Length: \(body.utf8.count)"]) + String(body.prefix(1_000)))
                // The first one has the room as long as its body comes. The next one waits.
                let second = Task { try await serving.post("/runs", body) }
                #expect(try await serving.run("echo").status == 200, "a small one needs no room")
                try await connection.send(String(body.dropFirst(1_000)))
                #expect(try await connection.readResponse().status == 200)
                #expect(try await second.value.status == 200)
            }
        }
    }
}

@Suite("Byte budget")
struct ByteBudgetTests {
    @Test("Reservations count until they are released or deallocated")
    func reservations() throws {
        let budget = ByteBudget(100)
        let first = try #require(budget.reserveNow(60))
        #expect(budget.reserveNow(41) == nil)
        var second = budget.reserveNow(40)
        #expect(second != nil && budget.used == 100)
        second = nil
        #expect(budget.used == 60)
        first.release()
        first.release()
        #expect(budget.used == 0)
        #expect(budget.reserveNow(1_000) != nil, "more than there is counts as all of it")
        #expect(budget.used == 0)
    }

    @Test("Waiting reservations are served in order, and a cancelled one does not block the others")
    func waiting() async throws {
        let budget = ByteBudget(100, waitingLimit: 3)
        let first = try await budget.reserve(50)
        let large = Task { try await budget.reserve(90) }
        try await eventually("one waits") { budget.waiting == 1 }
        #expect(budget.reserveNow(10) == nil, "reservations are served in order")
        let small = Task { try await budget.reserve(30) }
        try await eventually("two wait") { budget.waiting == 2 }
        large.cancel()
        await #expect(throws: CancellationError.self) { try await large.value }
        let reservation = try await small.value
        #expect(budget.used == 80)
        reservation.release()
        first.release()
        #expect(budget.used == 0 && budget.waiting == 0)
    }

    @Test("Too many waiting reservations are rejected, and one that is cancelled at once does not wait")
    func refusal() async throws {
        let budget = ByteBudget(1, waitingLimit: 1)
        let first = try await budget.reserve(1)
        let second = Task { try await budget.reserve(1) }
        try await eventually("one waits") { budget.waiting == 1 }
        await #expect(throws: ByteBudget.Exhausted.self) { try await budget.reserve(1) }
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await budget.reserve(1)
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        first.release()
        #expect(try await second.value === second.value)
        #expect(budget.used == 1)
    }
}
