// SPDX-License-Identifier: Apache-2.0

import ACPClient
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import ACPServer

@Suite("Responses that clients do not read")
struct ResponseBoundsTests {
    /// More than what the sockets' buffers hold.
    private static let size = 8 * 1_048_576

    @Test(
        "While a client does not read a large response, other large ones receive 503, and small ones succeed",
        arguments: ["", "/events"])
    func slowReader(_ path: String) async throws {
        let configuration = ServerConfiguration.quick.with { $0.limits.responseMemory = 1_000_000 }
        try await withServer(
            configuration: configuration,
            agents: { server in
                try server.addExamples()
                try server.addAgent("writer") { _ in String(repeating: "x", count: Self.size) }
            }
        ) { serving in
            let run = try await serving.client.start(agent: "writer", input: "x").id
            _ = try await serving.server.engine.settledRun(run, after: 0)
            try await RawConnection.open(serving.port, receiveBuffer: 4_096) { connection in
                try await connection.send(rawRequest("GET /runs/\(run)\(path)"))
                _ = try await connection.read(until: "\r\n\r\n")
                let refused = try await serving.get("/runs/\(run)")
                try refused.expectError(503, .unavailable)
                #expect(refused.headers.first(name: "Retry-After") != nil)
                #expect(try await serving.get("/ping").status == 200)
                #expect(try await serving.get("/runs").status == 200)
                try await serving.expectStillServing()
            }
            // The connection has gone, and with it what was kept for it.
            try await eventually("there is room again") { try await serving.get("/runs/\(run)").status == 200 }
        }
    }

    @Test("At most one piece is enqueued before the connection's event loop has tried to write it")
    func waitsForEventLoop() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let hold = DispatchSemaphore(value: 0)
        eventLoop.execute { hold.wait() }
        let written = Counter()
        let writing = Task {
            var writer = PieceWriter(base: CountingWriter(written: written), eventLoop: eventLoop)
            try await writer.write(ByteBuffer(repeating: 0, count: 10 * PieceWriter.size))
        }
        try await eventually("the first piece") { written.value > 0 }
        for _ in 0..<1_000 { await Task.yield() }
        #expect(written.value == 1)
        hold.signal()
        try await writing.value
        #expect(written.value == 10)
        try await group.shutdownGracefully()
    }

    private struct CountingWriter: ResponseBodyWriter {
        let written: Counter

        func write(_ buffer: ByteBuffer) async throws { written.add() }
        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    @Test("A 503 for a large result contains the run's id, so that the caller can fetch the run later")
    func namesTheRun() async throws {
        let configuration = ServerConfiguration.quick.with { $0.limits.responseMemory = 1_000_000 }
        try await withServer(
            configuration: configuration,
            agents: { server in
                try server.addAgent("writer") { _ in String(repeating: "x", count: Self.size) }
            }
        ) { serving in
            try await RawConnection.open(serving.port, receiveBuffer: 4_096) { connection in
                try await connection.send(rawRequest("POST /runs", body: RunningServer.runJSON("writer")))
                _ = try await connection.read(until: "\r\n\r\n")
                let refused = try await serving.run("writer")
                try refused.expectError(503, .unavailable)
                let id = try RunID(validating: try #require(refused.headers.first(name: "Run-ID")))
                let runs = try await serving.client.runs(limit: 10).runs
                #expect(runs.first { $0.id == id }?.status == .completed)
            }
        }
    }
}
