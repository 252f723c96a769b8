// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ACPTestSupport
import AsyncHTTPClient
import Crypto
import HTTPTypes
import Synchronization
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import ACPJWT

@Suite("A server with tokens of an issuer")
struct JWTServerTests {
    private static let key = SigningKey.p256(P256.Signing.PrivateKey())

    private struct Serving: Sendable {
        let port: Int

        func send(_ method: HTTPMethod, _ path: String, _ token: String?, _ body: String? = nil) async throws -> (
            status: Int, text: String
        ) {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
            request.method = method
            if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
            if let body { request.body = .bytes(Array(body.utf8)) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            let bytes = try await response.body.collect(upTo: 1 << 20)
            return (Int(response.status.code), String(buffer: bytes))
        }
    }

    /// Serves the issuer's keys at `/jwks`, and agents that accept its tokens.
    private func withServers(
        _ keys: @escaping @Sendable () -> (HTTPResponse.Status, String), at path: String = "/jwks",
        _ body: @escaping @Sendable (Serving) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let router = Router()
        router.get("jwks") { _, _ in
            let (status, json) = keys()
            return Response(
                status: status, headers: [.contentType: "application/jwk-set+json"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
        }
        router.get("elsewhere") { _, _ in Response(status: .found, headers: [.location: "http://[::]:9/jwks"]) }
        let issuerPort = Signal<Int>()
        let issuer = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { issuerPort.send($0.localAddress?.port ?? 0) }, logger: logger)
        let issuers = ServiceGroup(configuration: .init(services: [.init(service: issuer)], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await issuers.run() }
            let url = "http://127.0.0.1:\(try await issuerPort.wait())\(path)"
            let jwt = JWTConfiguration(issuer: TestIssuer.name, audience: [TestIssuer.audience], keys: .url(url))
            let server = ACPServer(
                storage: MemoryStorage(),
                configuration: ServerConfiguration(port: 0, authentication: try .jwt(jwt), isolation: true),
                logger: logger)
            try server.addAgent("who") { context in context.principal?.id.rawValue ?? "nobody" }
            let port = Signal<Int>()
            let group = ServiceGroup(
                configuration: .init(services: [.init(service: Served(server: server, port: port))], logger: logger))
            tasks.addTask { try await group.run() }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(Serving(port: try await port.wait())))
            } catch {
                outcome = .failure(error)
            }
            await group.triggerGracefulShutdown()
            await issuers.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try outcome.get()
        }
    }

    private struct Served: Service {
        let server: ACPServer
        let port: Signal<Int>

        func run() async throws { try await server.runService { port.send($0) } }
    }

    private static let runJSON = #"{"agent_name":"who","input":[{"parts":[{"content":"x"}]}]}"#

    /// An issuer whose time is the present one.
    private static func issuer() -> TestIssuer {
        let issuer = TestIssuer()
        issuer.time.withLock { $0 = Date().timeIntervalSince1970 }
        return issuer
    }

    private static func set() throws -> String {
        var members = try key.members()
        members["kid"] = "k1"
        return String(decoding: try ACPJSON.encode(JSONValue.object(["keys": [.object(members)]])), as: UTF8.self)
    }

    @Test("Keys are loaded from a URL, and principals of the issuer are isolated from each other")
    func isolation() async throws {
        let set = try Self.set()
        let issuer = Self.issuer()
        func token(_ subject: JSONValue, _ scope: JSONValue = "acp:call") throws -> String {
            try issuer.token(Self.key, claims: issuer.claims(["sub": subject, "scope": scope]))
        }
        let (ada, bob, reader, none) = (
            try token("ada"), try token("bob"), try token("ada", "acp:read"), try token("ada", "openid")
        )
        try await withServers({ (.ok, set) }) { server async throws in
            let run = try await server.send(.POST, "/runs", ada, Self.runJSON)
            #expect(run.status == 200 && run.text.contains("https://id.example.com|ada"), "\(run.text)")
            let id = try ACPJSON.decode(Run.self, from: run.text.utf8).id
            let statuses: [(HTTPMethod, String?, Int)] = [
                (.GET, ada, 200), (.GET, bob, 404), (.GET, reader, 200), (.GET, none, 403), (.GET, nil, 401),
                (.GET, "\(ada)x", 401), (.DELETE, reader, 403), (.DELETE, bob, 404), (.DELETE, ada, 204),
            ]
            for (method, token, status) in statuses {
                #expect(try await server.send(method, "/runs/\(id)", token).status == status)
            }
        }
    }

    @Test("A server of keys that fails, sends something else or redirects to plain HTTP leads to 503")
    func outage() async throws {
        let issuer = Self.issuer()
        let token = try issuer.token(Self.key)
        let set = try Self.set()
        let responses: [(HTTPResponse.Status, String, String)] = [
            (.internalServerError, set, "/jwks"), (.ok, "<html>", "/jwks"), (.ok, "{}", "/jwks"),
            (.ok, String(repeating: " ", count: 2_000_000) + set, "/jwks"), (.ok, set, "/elsewhere"),
            (.ok, set, "/none"),
        ]
        for (status, json, path) in responses {
            try await withServers({ (status, json) }, at: path) { server async throws in
                #expect(try await server.send(.GET, "/runs", token).status == 503)
                #expect(try await server.send(.GET, "/ping", token).status == 200)
            }
        }
    }
}
