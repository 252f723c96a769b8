// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import NIOHTTP1
import Testing

@Suite("HTTP semantics")
struct ConnectionTests {
    @Test("An unknown path returns 404 with an ACP error")
    func notOffered() async throws {
        try await withServer { serving in
            let wrong: [(HTTPMethod, String)] = [
                (.GET, "/"), (.GET, "/nothing"), (.GET, "/agents/echo/more"), (.GET, "/runs/x/y/z"), (.OPTIONS, "/"),
                (.PUT, "/nothing"), (.POST, "/sessions"),
            ]
            for (method, path) in wrong { try await serving.send(method, path).expectError(404, .notFound) }
            try await serving.expectStillServing()
        }
    }

    @Test(
        "An unsupported method returns 405 with the supported ones",
        arguments: [
            (HTTPMethod.PUT, "/runs", "GET, HEAD, OPTIONS, POST"), (.TRACE, "/runs?x", "GET, HEAD, OPTIONS, POST"),
            (.DELETE, "/agents/echo", "GET, HEAD, OPTIONS"), (.POST, "/ping", "GET, HEAD, OPTIONS"),
            (.PATCH, "/runs/x", "DELETE, GET, HEAD, OPTIONS, POST"), (.GET, "/runs/x/cancel", "OPTIONS, POST"),
            (.DELETE, "/session/x", "GET, HEAD, OPTIONS"), (.DELETE, "/sessions/x/state", "GET, HEAD, OPTIONS"),
        ])
    func notAllowed(method: HTTPMethod, path: String, allowed: String) async throws {
        let signing = try URLSigning(keys: ["a key that nobody guesses"])
        for configuration in [.quick, ServerConfiguration.quick.with { $0.urlSigning = signing }] {
            try await withServer(configuration: configuration) { serving in
                let answer = try await serving.send(method, path)
                #expect(try answer.expectError(405, .invalidInput).message.contains(allowed))
                #expect(answer.headers.first(name: "Allow") == allowed)
                let options = try await serving.send(.OPTIONS, path)
                #expect(options.status == 204 && options.body.isEmpty)
                #expect(options.headers.first(name: "Allow") == allowed)
            }
        }
    }

    @Test("HEAD of a path without GET returns 405 without a body, and the connection remains usable")
    func headNotAllowed() async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("HEAD /runs/x/cancel") + rawRequest("GET /healthz"))
                let head = try await connection.readResponse(isHead: true)
                #expect(head.status == 405 && head.head.contains("Allow: OPTIONS, POST\r\n"))
                #expect(try await connection.readResponse().body.contains("ok"))
            }
        }
    }

    @Test(
        "A compressed body returns 415 with the accepted encoding", arguments: ["gzip", "GZIP", "identity, br"])
    func compressed(encoding: String) async throws {
        try await withServer { serving in
            let asked = try await serving.askedRun(.sync)
            for path in ["/runs", "/runs/\(asked)"] {
                let answer = try await serving.post(path, "{}", headers: ["Content-Encoding": encoding])
                #expect(try answer.expectError(415, .invalidInput).message.contains("Content-Encoding"))
                #expect(answer.headers.first(name: "Accept-Encoding") == "identity")
            }
            let plain = try await serving.post(
                "/runs", RunningServer.runJSON("echo"), headers: ["Content-Encoding": "Identity"])
            #expect(plain.status == 200)
        }
    }

    @Test(
        "HEAD returns the head of GET without the body",
        arguments: ["/ping", "/agents", "/agents/echo", "/agents/nobody", "/nothing", "/runs/nothing", "/runs?limit=x"])
    func head(path: String) async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(
                    rawRequest("GET \(path)") + rawRequest("HEAD \(path)") + rawRequest("GET /healthz"))
                let get = try await connection.readResponse()
                let head = try await connection.readResponse(isHead: true)
                #expect(head.status == get.status)
                #expect(head.head.contains("Content-Length: \(get.body.utf8.count)\r\n"), "\(head.head)")
                let next = try await connection.readResponse()
                #expect(next.status == 200 && next.body.contains("ok"), "what follows is understood: \(next)")
            }
        }
    }

    @Test("HEAD of a stream returns at once and leaves no follower")
    func headOfStream() async throws {
        let storage = ScriptedStorage()
        try await withServer(storage) { serving in
            let run = try await storage.createForeignRun()
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(
                    rawRequest("HEAD /runs/\(run)/events", ["Accept: text/event-stream"]) + rawRequest("GET /healthz"))
                let head = try await connection.readResponse(isHead: true)
                #expect(head.status == 200 && head.head.contains("text/event-stream"))
                #expect(try await connection.readResponse().body.contains("ok"))
            }
            #expect(storage.scripted.watchers == 0)
        }
    }

    @Test("A connection remains usable after every kind of error")
    func keepAlive() async throws {
        let configuration = ServerConfiguration.quick.with { $0.authentication = .bearer("t") }
        try await withServer(configuration: configuration) { serving in
            let token = "Authorization: Bearer t"
            let requests = [
                (rawRequest("POST /runs", body: RunningServer.runJSON("echo")), 401),
                (rawRequest("POST /runs", [token], body: "{"), 422),
                (rawRequest("POST /runs", [token], body: RunningServer.runJSON("nobody")), 404),
                (rawRequest("POST /nothing", [token], body: "a body that nobody reads"), 404),
                (rawRequest("GET /agents", [token], body: "a body that nobody expects"), 200),
                (rawRequest("POST /runs", [token], body: RunningServer.runJSON("echo")), 200),
            ]
            try await RawConnection.open(serving.port) { connection in
                for (request, status) in requests {
                    try await connection.send(request)
                    #expect(try await connection.readResponse().status == status)
                }
                // And the same without waiting for the answers.
                for (request, _) in requests { try await connection.send(request) }
                for (_, status) in requests { #expect(try await connection.readResponse().status == status) }
            }
        }
    }

    @Test("A connection is closed after the response if the request asks for it")
    func close() async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("GET /ping", ["Connection: close"]))
                #expect(try await connection.readToEnd().hasSuffix("{}"))
            }
        }
    }

    @Test("A client that has closed its output still receives its response, in every mode", arguments: RunMode.allCases)
    func halfClosed(mode: RunMode) async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { try $0.addGated(gate) }) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", body: RunningServer.runJSON("gated", mode: mode)))
                connection.finishSending()
                try await eventually("the run") { serving.server.engine.activeRuns == 1 }
                gate.send()
                let answer = try await connection.readToEnd()
                #expect(answer.hasPrefix(mode == .async ? "HTTP/1.1 202" : "HTTP/1.1 200"), "\(answer)")
                if mode != .async { #expect(answer.contains("through")) }
            }
            try await eventually("its end") { serving.server.engine.activeRuns == 0 }
        }
    }

    @Test(
        "Data that is not HTTP is rejected with 400",
        arguments: [
            "nonsense\r\n\r\n", "BREW /pot HTTP/1.1\r\n\r\n", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}",
            rawRequest("POST /runs", ["Content-Length: -1"]),
            rawRequest("POST /runs", ["Transfer-Encoding: chunked"]) + "zz\r\n",
            rawRequest("POST /runs", ["Content-Length: 3", "Transfer-Encoding: chunked"]) + "{}\r\n",
        ])
    func noHTTP(request: String) async throws {
        let log = Log()
        try await withServer(logger: log.logger) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(request)
                let answer = try await connection.readToEnd()
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
                #expect(answer.components(separatedBy: "HTTP/1.1 400 ").count <= 2, "one answer at most: \(answer)")
            }
            try await serving.expectStillServing()
        }
        #expect(!log.text.contains("a request failed"), "a client's fault is not the server's: \(log.text)")
    }

    @Test("A client that disconnects within its request starts nothing")
    func halfARequest() async throws {
        try await withServer { serving in
            for request in ["POST /ru", rawRequest("POST /runs", ["Content-Length: 100"]) + #"{"agent_name""#] {
                try await RawConnection.open(serving.port) { try await $0.send(request) }
                try await RawConnection.open(serving.port) { connection in
                    try await connection.send(request)
                    connection.finishSending()
                    _ = try await connection.readToEnd()
                }
            }
            #expect(try await serving.client.runs().total == 0)
            try await serving.expectStillServing()
        }
    }

    @Test("An idle connection is closed, one that waits for its response is not")
    func idleConnections() async throws {
        let gate = Signal<Void>()
        let configuration = ServerConfiguration.quick.with {
            $0.idleTimeout = .seconds(2)
            $0.connections.headTimeout = .seconds(2)
            $0.connections.bodyGrace = .seconds(2)
        }
        try await withServer(configuration: configuration, agents: { try $0.addGated(gate) }) { serving in
            try await RawConnection.open(serving.port) { waiting in
                try await waiting.send(rawRequest("POST /runs", body: RunningServer.runJSON("gated")))
                try await eventually("the run") { serving.server.engine.activeRuns == 1 }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for request in ["", "POST /ru", rawRequest("POST /runs", ["Content-Length: 100"]) + "{"] {
                        group.addTask {
                            try await RawConnection.open(serving.port) { connection in
                                if !request.isEmpty { try await connection.send(request) }
                                _ = try await connection.readToEnd()
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                gate.send()
                let (status, _, body) = try await waiting.readResponse()
                #expect(status == 200 && body.contains("through"))
                #expect(try await waiting.readToEnd().isEmpty)
            }
        }
    }
}
