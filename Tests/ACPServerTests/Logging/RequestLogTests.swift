// SPDX-License-Identifier: Apache-2.0

import ACPClient
import Foundation
import Logging
import NIOHTTP1
import Testing

@testable import ACPServer

@Suite("Log lines of requests and runs", .timeLimit(.minutes(5)))
struct RequestLogTests {
    private let log = JSONLog()

    private var logging: ServerConfiguration { .quick.with { $0.logsRequests = true } }

    @Test("Each request has one line, with its method, route, status, duration, size, run and client")
    func lines() async throws {
        try await withServer(configuration: logging, logger: log.logger) { server in
            let response = try await server.run("echo", "the content of a message")
            let run = try #require(response.headers.first(name: "Run-ID"))
            _ = try await server.get("/runs/\(run)?secret=1")
            _ = try await server.get("/nothing/here")
            let lines = log.requests
            try #require(lines.count == 3)
            for line in lines {
                #expect(line["level"] == "info" && line["message"] == "request")
                #expect(line["client"] == "127.0.0.1")
                #expect(try #require(line["duration"]?.doubleValue) >= 0)
            }
            #expect(lines.map { $0["method"] } == ["POST", "GET", "GET"])
            #expect(lines.map { $0["route"] } == ["/runs", "/runs/{run_id}", "unmatched"])
            #expect(lines.map { $0["status"] } == [200, 200, 404])
            #expect(lines.map { $0["run_id"] } == [.string(run), .string(run), nil])
            #expect(lines[0]["bytes"] == .integer(Int64(response.body.count)))
        }
        #expect(!log.text.contains("the content of a message"))
        #expect(!log.text.contains("secret"))
    }

    @Test("A line is the same for a handler that gets it as metadata")
    func metadata() async throws {
        var found: [[JSONObject]] = []
        for isWrapped in [false, true] {
            let log = JSONLog()
            let handler = log.logger.handler
            let wrapped = Logger(label: "test") { _ in LazyMetadataHandler(handler) }
            try await withServer(configuration: logging, logger: isWrapped ? wrapped : log.logger) { server in
                _ = try await server.run("echo", "a message")
                _ = try await server.get("/nothing/here")
                _ = try await server.get("/ping")
            }
            found.append(log.requests)
        }
        try #require(found.map(\.count) == [3, 3])
        for (direct, metadata) in zip(found[0], found[1]) {
            #expect(direct.map(\.key) == metadata.map(\.key))
            // These differ between two requests.
            for (key, value) in direct where !["time", "duration", "run_id", "bytes"].contains(key) {
                #expect(metadata[key] == value, "\(key)")
            }
        }
    }

    @Test("A stream has its line when it ends, with the bytes that were sent")
    func stream() async throws {
        try await withServer(configuration: logging, logger: log.logger) { server in
            let response = try await server.run("echo", mode: .stream)
            try await eventually("the stream is logged") { log.requests.count == 1 }
            #expect(log.requests[0]["bytes"] == .integer(Int64(response.body.count)))
            #expect(log.requests[0]["aborted"] == nil)
            #expect(log.requests[0]["run_id"] != nil)
        }
    }

    @Test("A stream whose client disconnects is aborted")
    func aborted() async throws {
        // The server notices at a write that nobody reads any more: here, at the second comment after the last event.
        let configuration = logging.with { $0.keepAliveInterval = .milliseconds(10) }
        try await withServer(configuration: configuration, logger: log.logger) { server in
            let run = try await server.client.start(agent: "questioner", input: "hi")
            try await RawConnection.open(server.port) { connection in
                try await connection.send(rawRequest("GET /runs/\(run.id)/events", ["Accept: text/event-stream"]))
                _ = try await connection.read(until: #""run.awaiting""#)
            }
            let line = try await eventuallySome("the stream is logged") {
                log.requests.first { $0["route"] == "/runs/{run_id}/events" }
            }
            #expect(line["aborted"] == true)
            _ = try await server.client.cancel(run.id)
        }
    }

    @Test("Tokens and other headers are not logged")
    func secrets() async throws {
        let configuration = logging.with { $0.authentication = .bearer("s3cr3t-token") }
        try await withServer(configuration: configuration, logger: log.logger, token: "s3cr3t-token") { server in
            _ = try await server.client.run(agent: "echo", input: "hi")
            _ = try await server.get("/agents", headers: ["Authorization": "Bearer wr0ng-token", "Cookie": "crumbs"])
            #expect(log.requests.map { $0["status"] } == [200, 401])
        }
        for secret in ["s3cr3t", "wr0ng", "crumbs"] { #expect(!log.text.contains(secret)) }
    }

    @Test("Health checks are logged at level debug while they succeed")
    func probes() async throws {
        try await withServer(configuration: logging, logger: log.logger) { server in
            for path in ["/ping", "/healthz", "/readyz"] { _ = try await server.get(path) }
            #expect(log.requests.map { $0["level"] } == ["debug", "debug", "debug"])
        }
    }

    @Test("Requests are logged although the level of other messages is higher")
    func level() async throws {
        var logger = log.logger
        logger.logLevel = .error
        try await withServer(configuration: logging, logger: logger) { server in
            _ = try await server.get("/agents")
            #expect(log.requests.count == 1)
        }
    }

    @Test("Behind a trusted proxy, the client is the one that the proxy names; of others, nothing is believed")
    func proxy() async throws {
        let trusting = try logging.with { $0.trustedProxies = try TrustedProxies(["127.0.0.1"]) }
        try await withServer(configuration: trusting, logger: log.logger) { server in
            _ = try await server.get("/agents", headers: ["X-Forwarded-For": "203.0.113.9, 198.51.100.7"])
            _ = try await server.get("/agents", headers: ["X-Forwarded-For": "\"><script>"])
            #expect(log.requests.map { $0["client"] } == ["198.51.100.7", "127.0.0.1"])
        }
        try await withServer(configuration: logging, logger: log.logger) { server in
            _ = try await server.get("/agents", headers: ["X-Forwarded-For": "203.0.113.9"])
            #expect(log.requests.last?["client"] == "127.0.0.1")
        }
    }

    @Test("Requests are not logged unless the configuration says so")
    func off() async throws {
        try await withServer(logger: log.logger) { server in
            _ = try await server.get("/agents")
            #expect(log.requests.isEmpty)
        }
    }

    @Test("A handler that throws has one line at level error, with the run, the agent and the whole error")
    func failedRun() async throws {
        struct Broken: Error, CustomStringConvertible {
            var description: String { "the flux capacitor is empty" }
        }
        try await withServer(logger: log.logger) { server in
            try server.server.addAgent("broken") { _ in throw Broken() }
            let run = try await server.client.run(agent: "broken", input: "a message")
            let lines = log.lines.filter { $0["message"] == "a run failed" }
            #expect(lines.count == 1)
            #expect(lines.first?["level"] == "error")
            #expect(lines.first?["run_id"] == .string(run.id.rawValue))
            #expect(lines.first?["agent"] == "broken")
            #expect(lines.first?["error"] == "the flux capacitor is empty")
        }
        #expect(!log.text.contains("a message"))
    }
}
