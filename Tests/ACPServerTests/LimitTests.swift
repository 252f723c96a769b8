// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

@Suite("Limits")
struct LimitTests {
    private static let limit = 10_000
    private static var configuration: ServerConfiguration { .quick.with { $0.maximumBodySize = limit } }

    private static func body(of size: Int) -> String {
        let empty = RunningServer.runJSON("echo", "").utf8.count
        return RunningServer.runJSON("echo", String(repeating: "x", count: size - empty))
    }

    @Test("A body of the maximum size is accepted, one more byte receives 413, announced or not")
    func bodySize() async throws {
        try await withServer(configuration: Self.configuration) { serving in
            for isChunked in [false, true] {
                func post(_ size: Int, _ path: String = "/runs") async throws -> ReceivedResponse {
                    let bytes = Array(Self.body(of: size).utf8)
                    let chunks = stride(from: 0, to: bytes.count, by: 4_096).map {
                        ByteBuffer(bytes: bytes[$0..<min($0 + 4_096, bytes.count)])
                    }
                    let body: HTTPClientRequest.Body =
                        isChunked ? .stream(AsyncStream(chunks), length: .unknown) : .bytes(bytes)
                    return try await serving.send(.POST, path, body)
                }
                #expect(try await post(Self.limit).status == 200)
                let error = try await post(Self.limit + 1).expectError(413, .invalidInput)
                #expect(error.message.contains("\(Self.limit)"), "the message says the limit")
                let asked = try await serving.askedRun(.sync)
                try await post(Self.limit * 20, "/runs/\(asked)").expectError(413, .invalidInput)
                #expect(try await serving.client.resume(asked, with: "Ada").text == "Hello, Ada!")
            }
            try await serving.expectStillServing()
        }
    }

    @Test("A body that is announced as too large is rejected before it is sent")
    func announcedSize() async throws {
        try await withServer(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", ["Content-Length: 1000000000000"]))
                #expect(try await connection.readResponse().status == 413)
            }
            try await serving.expectStillServing()
        }
    }

    @Test("A connection remains usable after a body that was too large", arguments: [false, true])
    func connectionAfter413(isChunked: Bool) async throws {
        try await withServer(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                let large = Self.body(of: 300_000)
                if isChunked {
                    let chunk = String(large.utf8.count, radix: 16) + "\r\n\(large)\r\n0\r\n\r\n"
                    try await connection.send(rawRequest("POST /runs", ["Transfer-Encoding: chunked"]) + chunk)
                } else {
                    try await connection.send(rawRequest("POST /runs", body: large))
                }
                try await connection.send(rawRequest("POST /runs", body: RunningServer.runJSON("echo", "after")))
                #expect(try await connection.readResponse().status == 413)
                let (status, _, body) = try await connection.readResponse()
                #expect(status == 200 && body.contains("after"))
            }
        }
    }

    @Test(
        "A run beyond the limit receives 503, and succeeds when another one has ended or awaits an answer")
    func tooManyRuns() async throws {
        let gate = Signal<Void>()
        let configuration = ServerConfiguration.quick.with {
            $0.engine.maximumActiveRuns = 2
            $0.engine.maximumQueuedRuns = 0
        }
        try await withServer(configuration: configuration, agents: { try $0.addGated(gate) }) { serving in
            let first = try await serving.client.start(agent: "gated", input: "x").id
            let asked = try await serving.askedRun(.sync)
            let second = try await serving.client.start(agent: "gated", input: "x").id
            for mode in RunMode.allCases {
                let answer = try await serving.run("echo", mode: mode)
                #expect(try answer.expectError(503, .unavailable).message.contains("2 runs"))
                #expect(answer.headers.first(name: "Retry-After") == "1")
                #expect(answer.headers.first(name: "Run-ID") == nil)
            }
            #expect(try await serving.client.runs().total == 3, "a refused run leaves no trace")
            #expect(try await serving.get("/readyz").status == 200)
            #expect(try await serving.client.resume(asked, with: "Ada").status == .completed, "a started run continues")

            _ = try await serving.client.cancel(first)
            _ = try await serving.client.wait(for: first)
            try await serving.expectStillServing()
            gate.send()
            #expect(try await serving.client.wait(for: second).status == .completed)
        }
    }

    @Test("A full storage returns 503 and Retry-After for a new run")
    func fullStorage() async throws {
        let storage = try MemoryStorage(.init(runLimit: 1))
        try await withServer(storage) { serving in
            let asked = try await serving.askedRun(.sync)
            let answer = try await serving.run("echo")
            try answer.expectError(503, .unavailable)
            #expect(answer.headers.first(name: "Retry-After") != nil)
            #expect(try await serving.client.resume(asked, with: "Ada").status == .completed)
            try await serving.expectStillServing()
        }
    }

    @Test("A request head that is too large is rejected")
    func hugeHead() async throws {
        try await withServer { serving in
            let huge = String(repeating: "x", count: 200_000)
            for request in [rawRequest("GET /ping", ["X-Huge: \(huge)"]), rawRequest("GET /\(huge)")] {
                try await RawConnection.open(serving.port) { connection in
                    // The server may close before everything has been sent.
                    try? await connection.send(request)
                    if let answer = try? await connection.readResponse() {
                        #expect(answer.status == 431 || answer.status == 404)
                    }
                }
            }
            try await serving.expectStillServing()
        }
    }
}

extension AsyncStream where Element: Sendable {
    fileprivate init(_ elements: some Sequence<Element>) {
        let (stream, continuation) = Self.makeStream()
        for element in elements { continuation.yield(element) }
        continuation.finish()
        self = stream
    }
}
