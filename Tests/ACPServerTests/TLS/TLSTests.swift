// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import NIOSSL
import ServiceLifecycle
import Testing

@Suite("Serving over TLS", .timeLimit(.minutes(5)))
struct TLSTests {
    @Test("Runs, streams and sessions work over HTTPS, and the URLs of sessions begin with it")
    func https() async throws {
        try await TLSFixture.with { fixture in
            try await withServer(configuration: .quick.with { $0.tls = fixture.server() }) { serving in
                try await serving.secureClient(fixture.settings()) { client in
                    #expect(try await client.run(agent: "greeter", input: "Ada", session: "s").text == "Hello, Ada!")
                    let stream = try await client.stream(agent: "echo", input: "x")
                    #expect(try await stream.reduce(into: 0) { count, _ in count += 1 } == 6)
                    let large = String(repeating: "x", count: 3_000_000)
                    #expect(try await client.run(agent: "echo", input: large).text == large)
                    let descriptor = try await client.sessionDescriptor("s")
                    #expect(descriptor.history.first?.hasPrefix("\(serving.secureURL)/sessions/s/") == true)
                }
                let secure = try await serving.secureGet("/agents", fixture.client())
                #expect(secure.status == 200)
                // Without TLS, and without trust in the certificate.
                await #expect(throws: (any Error).self) { try await serving.get("/agents") }
                #expect(await serving.secureStatus("/agents", .makeClientConfiguration()) == nil)
            }
        }
    }

    @Test("Versions before TLS 1.2 are refused, or before 1.3 if that is the minimum")
    func versions() async throws {
        try await TLSFixture.with { fixture in
            for (minimum, accepted) in [
                (ServerTLS.Version.tls12, [TLSVersion.tlsv12, .tlsv13]), (.tls13, [.tlsv13]),
            ] {
                var tls = fixture.server()
                tls.minimumVersion = minimum
                try await withServer(configuration: .quick.with { $0.tls = tls }) { serving in
                    for version in [TLSVersion.tlsv1, .tlsv11, .tlsv12, .tlsv13] {
                        var client = try fixture.client()
                        client.minimumTLSVersion = .tlsv1
                        client.maximumTLSVersion = version
                        let status = await serving.secureStatus("/agents", client)
                        #expect(status == (accepted.contains(version) ? 200 : nil), "\(version)")
                    }
                }
            }
        }
    }

    @Test("Clients without a certificate of the authority are rejected, or only if they have another one")
    func clientCertificates() async throws {
        try await TLSFixture.with { fixture in
            try await TLSFixture.with { other in
                var foreign = try other.client(hasCertificate: true)
                foreign.trustRoots = .file(fixture.certificates.authority)
                for mode in [ServerTLS.ClientCertificates.required, .optional] {
                    let configuration = ServerConfiguration.quick.with { $0.tls = fixture.server(clients: mode) }
                    try await withServer(configuration: configuration) { [foreign] serving in
                        let known = try await serving.secureGet("/agents", fixture.client(hasCertificate: true))
                        #expect(known.status == 200)
                        let without = await serving.secureStatus("/agents", try fixture.client())
                        #expect(without == (mode == .optional ? 200 : nil))
                        #expect(await serving.secureStatus("/agents", foreign) == nil)
                        try await serving.secureClient(fixture.settings(hasCertificate: true)) { client in
                            let text = try await client.run(agent: "echo", input: "x").text
                            #expect(text == "x")
                        }
                    }
                }
            }
        }
    }

    @Test("Authentication can use the verified certificate, on each request of a connection")
    func subject() async throws {
        let seen = Signal<ClientCertificate>()
        try await TLSFixture.with { fixture in
            let configuration = ServerConfiguration.quick.with {
                $0.tls = fixture.server(clients: .optional)
                $0.authentication = .clientCertificate { certificate in
                    seen.send(certificate)
                    return certificate.commonName == "client"
                }
            }
            try await withServer(configuration: configuration) { serving in
                try await serving.secureClient(fixture.settings(hasCertificate: true)) { client in
                    for _ in 0..<3 {
                        let run = try await client.run(agent: "echo", input: "x")
                        #expect(run.text == "x" && run.principal == "CN=client")
                    }
                }
                #expect(try await serving.secureGet("/agents", fixture.client()).status == 401)
                #expect(try await serving.secureGet("/ping", fixture.client()).status == 200)
                var server = try fixture.client()
                server.certificateChain = try NIOSSLCertificate.fromPEMFile(fixture.certificates.serverCertificate)
                    .map { .certificate($0) }
                server.privateKey = .privateKey(
                    try NIOSSLPrivateKey(file: fixture.certificates.serverKey, format: .pem))
                #expect(try await serving.secureGet("/agents", server).status == 401, "another subject")
            }
            let certificate = try await seen.wait()
            #expect(certificate.subject == "CN=client" && certificate.issuer == "CN=Test Authority")
            #expect(certificate.fingerprint.utf8.count == 64 && certificate.alternativeNames.isEmpty)
            #expect(certificate.notValidAfter > Date())
            #expect(ClientCertificate.current == nil)
        }
    }

    @Test("A new certificate applies to new connections, while streams on old ones continue; a broken one does not")
    func reload() async throws {
        let log = Log()
        let isOpen = Signal<Void>()
        try await TLSFixture.with { fixture in
            try await TLSFixture.with { other in
                try await withServer(
                    configuration: .quick.with { $0.tls = fixture.server() }, logger: log.logger,
                    agents: { server in
                        try server.addExamples()
                        try server.addAgent("gate") { context in
                            try await context.yield("before")
                            try await isOpen.wait()
                            return "after"
                        }
                    }
                ) { serving in
                    let old = fixture.settings()
                    // The authority of the old certificate remains in its file: only the server's files are replaced.
                    let stream = Task {
                        try await serving.secureClient(old) { client in
                            try await client.stream(agent: "gate", input: "x").reduce(into: "") { text, event in
                                if case .messagePart(let part) = event.event { text += part.content ?? "" }
                            }
                        }
                    }
                    try await eventually("the run's start") { serving.server.engine.activeRuns == 1 }
                    try fixture.replaceServerCertificate(by: other)
                    try await eventually("the new certificate") {
                        await serving.secureStatus("/ping", try other.client()) == 200
                    }
                    #expect(await serving.secureStatus("/ping", try fixture.client()) == nil)
                    try Data("broken".utf8).write(to: URL(fileURLWithPath: fixture.certificates.serverKey))
                    try await eventually("the log message") { log.text.contains("could not be reloaded") }
                    #expect(try await serving.secureGet("/ping", other.client()).status == 200)
                    isOpen.send()
                    #expect(try await stream.value == "beforeafter")
                }
            }
        }
    }

    @Test("A client that does not complete the handshake is disconnected", arguments: ["", "\u{16}\u{3}\u{1}"])
    func slowHandshake(bytes: String) async throws {
        try await TLSFixture.with { fixture in
            let configuration = ServerConfiguration.quick.with {
                $0.tls = fixture.server()
                $0.idleTimeout = .seconds(600)
                $0.connections.headTimeout = .milliseconds(300)
            }
            try await withServer(configuration: configuration) { serving in
                try await RawConnection.open(serving.port) { connection in
                    if !bytes.isEmpty { try await connection.send(bytes) }
                    _ = try await connection.readToEnd()
                }
                #expect(try await serving.secureGet("/ping", fixture.client()).status == 200)
            }
        }
    }

    @Test("A slow head receives 408 over TLS, too, and the end of the connection is announced")
    func slowHead() async throws {
        try await TLSFixture.with { fixture in
            let configuration = ServerConfiguration.quick.with {
                $0.tls = fixture.server()
                $0.connections.headTimeout = .seconds(1)
            }
            let context = try NIOSSLContext(configuration: fixture.client())
            try await withServer(configuration: configuration) { serving in
                try await RawConnection.open(serving.port, tls: context) { connection in
                    try await connection.send(rawRequest("GET /ping"))
                    #expect(try await connection.readResponse().status == 200)
                    try await connection.send("GET /ping HTTP/1.1\r\nHost: x\r\nX-Endless: ")
                    #expect(try await connection.readResponse().status == 408)
                    // Throws if the server closes the connection without an announcement.
                    #expect(try await connection.readToEnd().isEmpty)
                }
            }
        }
    }

    @Test("A client that does not read its stream over TLS is disconnected, and does not delay a shutdown")
    func stalledReader() async throws {
        try await TLSFixture.with { fixture in
            let configuration = ServerConfiguration.quick.with {
                $0.tls = fixture.server()
                $0.closingGrace = .seconds(600)
                $0.connections.writeTimeout = .milliseconds(200)
            }
            let context = try NIOSSLContext(configuration: fixture.client())
            try await withServer(configuration: configuration, agents: { try $0.addFlood(3_000, of: 8_192) }) {
                serving in
                let run = try await serving.secureClient(fixture.settings()) { client in
                    try await client.run(agent: "flood", input: "x").id
                }
                try await RawConnection.open(serving.port, receiveBuffer: 65_536, tls: context) { connection in
                    try await connection.send(rawRequest("GET /runs/\(run)/events", ["Accept: text/event-stream"]))
                    _ = try await connection.read(until: "run.created")
                    await serving.group.triggerGracefulShutdown()
                    try await serving.end.wait()
                }
            }
        }
    }

    @Test("Pages of the server are its own only over HTTPS")
    func ownOrigin() async throws {
        try await TLSFixture.with { fixture in
            try await withServer(configuration: .quick.with { $0.tls = fixture.server() }) { serving in
                let context = try NIOSSLContext(configuration: fixture.client())
                for (scheme, status) in [("https", 404), ("http", 403)] {
                    try await RawConnection.open(serving.port, tls: context) { connection in
                        let head = ["Origin: \(scheme)://127.0.0.1", "Content-Length: 0"]
                        try await connection.send(rawRequest("POST /runs/x/cancel", head))
                        #expect(try await connection.readResponse().status == status)
                    }
                }
            }
        }
    }
}
