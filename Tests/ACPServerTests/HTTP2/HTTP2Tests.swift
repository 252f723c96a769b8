// SPDX-License-Identifier: Apache-2.0

import ACPClient
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import ServiceLifecycle
import Testing

@testable import ACPServer

@Suite("Serving over HTTP/2", .timeLimit(.minutes(5)))
struct HTTP2Tests {
    private typealias Connection = HTTP2TestConnection

    /// Serves with TLS while the body runs.
    private func withSecureServer(
        _ storage: any Storage = MemoryStorage(), configuration: ServerConfiguration = .quick,
        clients: ServerTLS.ClientCertificates? = nil, agents: (ACPServer) throws -> Void = { try $0.addExamples() },
        _ body: @escaping @Sendable (RunningServer, TLSFixture) async throws -> Void
    ) async throws {
        try await TLSFixture.with { fixture in
            let configuration = configuration.with { $0.tls = fixture.server(clients: clients) }
            try await withServer(storage, configuration: configuration, agents: agents) { serving in
                try await body(serving, fixture)
            }
        }
    }

    private func json(_ agent: AgentName, _ text: String = "hi", mode: RunMode = .sync) -> [HTTP2Frame.FramePayload] {
        [
            Connection.head("POST", "/runs", [("content-type", "application/json")], isEnd: false),
            Connection.data(RunningServer.runJSON(agent, text, mode: mode), isEnd: true),
        ]
    }

    @Test("A client that supports HTTP/2 uses it, unless it or the server does not want to")
    func negotiation() async throws {
        try await TLSFixture.with { fixture in
            for (offers, client, expected) in [
                (true, HTTPClient.Configuration.HTTPVersion.automatic, HTTPVersion.http2),
                (true, .http1Only, .http1_1), (false, .automatic, .http1_1),
            ] {
                var tls = fixture.server()
                tls.offersHTTP2 = offers
                try await withServer(configuration: .quick.with { $0.tls = tls }) { serving in
                    var configuration = HTTPClient.Configuration(tlsConfiguration: try fixture.client())
                    configuration.httpVersion = client
                    try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                        let request = HTTPClientRequest(url: serving.secureURL + "/agents")
                        let response = try await client.execute(request, timeout: .seconds(60))
                        #expect(response.version == expected && response.status == .ok)
                    }
                }
            }
        }
    }

    @Test("Many runs and streams share a connection, and each receives its own")
    func manyStreams() async throws {
        try await withSecureServer { serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<90 {
                        group.addTask {
                            let mode = number.isMultiple(of: 2) ? RunMode.sync : .stream
                            let response = try await connection.send(json("echo", "number \(number).", mode: mode))
                            #expect(response.status == 200 && response.hasEnded)
                            #expect(response.text.contains("number \(number)."))
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("Large bodies and responses pass, larger ones than allowed are rejected, and the connection remains")
    func sizes() async throws {
        let configuration = ServerConfiguration.quick.with { $0.maximumBodySize = 1_000_000 }
        try await withSecureServer(configuration: configuration) { serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                let large = String(repeating: "x", count: 900_000)
                let response = try await connection.send(json("echo", large))
                #expect(response.status == 200 && response.text.contains(large))
                let rejected = try await connection.send(json("echo", large + large))
                #expect(rejected.status == 413 && rejected.hasEnded)
                #expect(rejected.headers["connection"].isEmpty)
                #expect(try await connection.get("/ping").status == 200)
            }
        }
    }

    @Test("A body that stops before its end receives 408, and other requests of the connection are not affected")
    func slowBody() async throws {
        let configuration = ServerConfiguration.quick.with { $0.connections.bodyGrace = .milliseconds(200) }
        try await withSecureServer(configuration: configuration) { serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                let response = try await connection.send([
                    Connection.head("POST", "/runs", [("content-length", "100")], isEnd: false), Connection.data("{"),
                ])
                #expect(response.status == 408 && response.hasEnded && response.text.contains("slow"))
                #expect(response.headers["connection"].isEmpty)
                #expect(try await connection.get("/ping").status == 200)
            }
            #expect(serving.server.engine.activeRuns == 0)
        }
    }

    @Test("Requests without a valid authority, or for another host, are rejected as over HTTP/1.1")
    func authority() async throws {
        try await withSecureServer { serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                #expect(try await connection.get("/agents", authority: nil).status == 400)
                // Or the stream is reset, when it is not even a valid header.
                #expect([400, nil].contains(try await connection.get("/agents", authority: "a b").status))
                #expect(try await connection.get("/agents", authority: "evil.example").status == 421)
                #expect(try await connection.get("/agents", [("host", "evil.example")]).status == 400)
                #expect(try await connection.get("/agents", [("host", "evil.example")], authority: nil).status == 421)
                #expect(try await connection.get("/agents", [("host", "localhost")], authority: nil).status == 200)
                let rejected = try await connection.get("/agents", authority: nil)
                #expect(rejected.headers.first(name: "content-type") == "application/json")
                #expect(try ACPJSON.decode(ACPError.self, from: rejected.text.utf8).code == .invalidInput)
                #expect(try await connection.get("/agents").status == 200)
            }
        }
    }

    @Test("A body of unknown size counts as a body for the checks of pages")
    func pages() async throws {
        try await withSecureServer { serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                let fields = [("origin", "https://localhost"), ("sec-fetch-site", "same-origin")]
                let empty = try await connection.send([Connection.head("POST", "/runs/x/cancel", fields)])
                #expect(empty.status == 404)
                let body = try await connection.send([
                    Connection.head("POST", "/runs", fields + [("content-type", "text/plain")], isEnd: false),
                    Connection.data(RunningServer.runJSON("echo"), isEnd: true),
                ])
                #expect(body.status == 415, "\(body.text)")
                let foreign = try await connection.send([
                    Connection.head("POST", "/runs/x/cancel", [("origin", "https://evil.example")])
                ])
                #expect(foreign.status == 403)
            }
        }
    }

    @Test("A client that waits for 100 receives it, and 417 for another expectation")
    func expectation() async throws {
        try await withSecureServer { serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                let response = try await connection.stream { inbound, outbound, _ in
                    try await outbound.write(
                        Connection.head("POST", "/runs", [("expect", "100-continue")], isEnd: false))
                    var frames = inbound.makeAsyncIterator()
                    guard case .headers(let head)? = try await frames.next() else { return Connection.Response() }
                    #expect(head.headers.first(name: ":status") == "100")
                    try await outbound.write(Connection.data(RunningServer.runJSON("echo"), isEnd: true))
                    guard case .headers(let final)? = try await frames.next() else { return Connection.Response() }
                    return Connection.Response(status: final.headers.first(name: ":status").flatMap { Int($0) })
                }
                #expect(response.status == 200)
                let other = try await connection.send([Connection.head("GET", "/ping", [("expect", "x")])])
                #expect(other.status == 417)
            }
        }
    }

    @Test("A reset stream leaves no follower of its run, and the connection remains")
    func resetStream() async throws {
        let storage = ScriptedStorage()
        let configuration = ServerConfiguration.quick.with { $0.keepAliveInterval = .milliseconds(50) }
        try await withSecureServer(storage, configuration: configuration) { serving, fixture in
            let run = try await storage.createForeignRun()
            try await Connection.open(serving.port, fixture.client()) { connection in
                for _ in 0..<10 {
                    // The end of the body resets the stream.
                    let response = try await connection.send(
                        [Connection.head("GET", "/runs/\(run)/events", [("accept", "text/event-stream")])],
                        until: "run.in-progress")
                    #expect(response.status == 200 && !response.hasEnded)
                }
                try await eventually("the run is not watched any more") { storage.scripted.watchers == 0 }
                #expect(try await connection.get("/ping").status == 200)
            }
        }
    }

    @Test("A connection that resets too many streams is closed")
    func rapidReset() async throws {
        try await withSecureServer { serving, fixture in
            // A client that still sends when the connection is closed may not receive what was sent before: then another one
            // shows it.
            try await eventually("a connection that is closed with a reason") {
                try await Connection.open(serving.port, fixture.client()) { connection in
                    var count = 0
                    while connection.goAway.value == nil, connection.channel.isActive, count < 2_000 {
                        count += 1
                        _ = try? await connection.stream { _, outbound, _ in
                            try await outbound.write(Connection.head("GET", "/agents", isEnd: false))
                        }
                    }
                    try await connection.channel.closeFuture.get()
                    #expect((150..<2_000).contains(count))
                    guard let code = connection.goAway.value else { return false }
                    #expect(code == .enhanceYourCalm)
                    return true
                }
            }
            try await Connection.open(serving.port, fixture.client()) { connection in
                let response = try await connection.get("/ping")
                #expect(response.status == 200)
            }
        }
    }

    @Test("Requests beyond the limit receive 503, except for health checks")
    func limit() async throws {
        let gate = Signal<Void>()
        let configuration = ServerConfiguration.quick.with {
            $0.connections.maximumCount = 1
            // One for the health check, and one for the rejected request before it, whose place may not be free again yet.
            $0.connections.reserve = 2
        }
        try await withSecureServer(configuration: configuration, agents: { try $0.addGated(gate) }) {
            serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                async let run = connection.send(json("gated"))
                try await eventually("the run") { serving.server.engine.activeRuns == 1 }
                let rejected = try await connection.get("/agents")
                #expect(rejected.status == 503 && rejected.headers.first(name: "retry-after") == "1")
                #expect(try await connection.get("/ping").status == 200)
                gate.send()
                #expect(try await run.status == 200)
                try await eventually("a free place") { try await connection.get("/agents").status == 200 }
            }
        }
    }

    @Test("A stream whose client does not read is reset, and others of the connection continue")
    func stalledReader() async throws {
        let configuration = ServerConfiguration.quick.with { $0.connections.writeTimeout = .milliseconds(200) }
        try await withSecureServer(configuration: configuration, agents: { try $0.addFlood(300, of: 8_192) }) {
            serving, fixture in
            try await Connection.open(serving.port, fixture.client(), window: 4_096) { connection in
                let run = try #require(
                    try await connection.send(json("flood", mode: .sync)).headers.first(name: "run-id"))
                try await connection.stream { inbound, outbound, channel in
                    try await outbound.write(
                        Connection.head("GET", "/runs/\(run)/events", [("accept", "text/event-stream")]))
                    var frames = inbound.makeAsyncIterator()
                    _ = try await frames.next()
                    try await eventually("other streams") { try await connection.get("/ping").status == 200 }
                    // What the client does not take from the channel does not extend the window.
                    try await channel.closeFuture.get()
                }
                #expect(try await connection.get("/ping").status == 200)
                #expect(connection.goAway.value == nil)
            }
        }
    }

    @Test(
        "A connection whose client does not extend its window is closed, even if only the end of a response waits",
        arguments: [false, true])
    func blockedConnection(resets: Bool) async throws {
        let configuration = ServerConfiguration.quick.with { $0.connections.writeTimeout = .milliseconds(200) }
        try await withSecureServer(configuration: configuration, agents: { try $0.addFlood(100, of: 8_192) }) {
            serving, fixture in
            let run = try await Connection.open(serving.port, fixture.client()) { connection in
                try #require(try await connection.send(json("flood")).headers.first(name: "run-id"))
            }
            try await HTTP2RawConnection.open(serving.port, fixture.client(), window: 10_000_000) { inbound, outbound in
                try await outbound.write(
                    HTTP2Frame(streamID: 1, payload: Connection.head("GET", "/runs/\(run)/events")))
                var received = 0
                var goAway: HTTP2ErrorCode?
                do {
                    for try await frame in inbound {
                        switch frame.payload {
                        case .data(let data):
                            #expect(frame.streamID == 1)
                            received += data.data.readableBytes
                            guard received == ConnectionWindow.initialSize else { continue }
                            if resets {
                                try? await outbound.write(HTTP2Frame(streamID: 1, payload: .rstStream(.cancel)))
                            }
                            // On a busy machine the GOAWAY may have arrived before: then no further stream can be opened.
                            try? await outbound.write(
                                HTTP2Frame(streamID: 3, payload: Connection.head("HEAD", "/ping")))
                        case .goAway(_, let code, _): goAway = code
                        case .rstStream(let code): Issue.record("stream \(frame.streamID) was reset: \(code)")
                        default: break
                        }
                    }
                } catch {
                    // The connection has ended.
                }
                #expect(received == ConnectionWindow.initialSize)
                #expect(goAway == .enhanceYourCalm)
            }
            #expect(
                try await Connection.open(serving.port, fixture.client()) { try await $0.get("/ping").status } == 200)
        }
    }

    @Test("A client that opens no stream, or does not complete the handshake, is disconnected")
    func silence() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.idleTimeout = .seconds(600)
            $0.connections.headTimeout = .milliseconds(300)
            $0.connections.drainTimeout = .milliseconds(300)
        }
        try await withSecureServer(configuration: configuration) { serving, fixture in
            // On a busy machine the time may be over before the end of the handshake: then another connection shows it.
            try await eventually("a connection that ends after its handshake") {
                try await Connection.open(serving.port, fixture.client()) { connection in
                    try await connection.channel.closeFuture.get()
                    guard let code = connection.goAway.value else { return false }
                    #expect(code == .noError)
                    return true
                }
            }
        }
    }

    @Test("At a shutdown, requests in progress finish, streams end, and the client is told to open no more")
    func shutdown() async throws {
        let gate = Signal<Void>()
        let configuration = ServerConfiguration.quick.with {
            $0.engine.shutdownGrace = .seconds(600)
            $0.closingGrace = .seconds(600)
        }
        try await withSecureServer(configuration: configuration, agents: { try $0.addGated(gate) }) {
            serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                async let sync = connection.send(json("gated"))
                async let stream = connection.send(json("gated", mode: .stream))
                try await eventually("both runs") { serving.server.engine.activeRuns == 2 }
                await serving.group.triggerGracefulShutdown()
                try await eventually("the shutdown") { !serving.server.engine.acceptsRuns }
                gate.send()
                let responses = try await (sync, stream)
                #expect(responses.0.status == 200 && responses.0.text.contains("through"))
                #expect(responses.1.hasEnded)
                #expect(SentEvent.parse(responses.1.text).last?.kind == "run.completed")
                #expect(try await connection.goAway.wait() == .noError)
                try await serving.end.wait()
            }
        }
    }

    @Test("A client that ignores a shutdown is disconnected after the grace period")
    func ignoredShutdown() async throws {
        let storage = ScriptedStorage(isDurable: true)
        let configuration = ServerConfiguration.quick.with {
            $0.closingGrace = .milliseconds(100)
            $0.engine.shutdownGrace = .milliseconds(50)
        }
        try await withSecureServer(storage, configuration: configuration) { serving, fixture in
            try await Connection.open(serving.port, fixture.client()) { connection in
                try await connection.stream { inbound, outbound, _ in
                    // A body that never arrives.
                    try await outbound.write(Connection.head("POST", "/runs", isEnd: false))
                    try await eventually("the stream") { try await connection.get("/ping").status == 200 }
                    await serving.group.triggerGracefulShutdown()
                    try await serving.end.wait()
                }
            }
        }
    }

    @Test("Certificates of clients reach requests over HTTP/2")
    func clientCertificates() async throws {
        let configuration = ServerConfiguration.quick.with { $0.authentication = .clientCertificate() }
        try await withSecureServer(configuration: configuration, clients: .optional) { serving, fixture in
            try await Connection.open(serving.port, fixture.client(hasCertificate: true)) { connection in
                let response = try await connection.send(json("echo"))
                #expect(response.status == 200)
                #expect(try ACPJSON.decode(Run.self, from: response.text.utf8).principal == "CN=client")
            }
            try await Connection.open(serving.port, fixture.client()) { connection in
                let response = try await connection.get("/agents")
                #expect(response.status == 401)
            }
        }
    }

    @Test("A new certificate applies to new connections, and streams of old ones continue")
    func reload() async throws {
        let gate = Signal<Void>()
        try await TLSFixture.with { other in
            try await withSecureServer(agents: { try $0.addGated(gate) }) { serving, fixture in
                try await Connection.open(serving.port, fixture.client()) { connection in
                    async let stream = connection.send(json("gated", mode: .stream))
                    try await eventually("the run") { serving.server.engine.activeRuns == 1 }
                    try fixture.replaceServerCertificate(by: other)
                    let tls = try other.client()
                    try await eventually("the new certificate") {
                        let response = try? await Connection.open(serving.port, tls) { try await $0.get("/ping") }
                        return response?.status == 200
                    }
                    #expect(try await connection.get("/ping").status == 200)
                    gate.send()
                    let response = try await stream
                    #expect(SentEvent.parse(response.text).last?.kind == "run.completed")
                }
            }
        }
    }
}
