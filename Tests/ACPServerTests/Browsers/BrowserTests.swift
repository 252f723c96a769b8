// SPDX-License-Identifier: Apache-2.0

import ACPServer
import AsyncHTTPClient
import Foundation
import Hummingbird
import NIOHTTP1
import ServiceLifecycle
import Testing

@Suite("Requests of web pages")
struct BrowserTests {
    private static let app = "https://app.example.com"
    private static let configuration = ServerConfiguration.quick.with {
        $0.browsers = BrowserConfiguration(allowedOrigins: [app], preflightLifetime: .seconds(60))
        $0.authentication = .bearer("token")
    }
    private static let credential = ("Authorization", "Bearer token")
    private static let json = ("Content-Type", "application/json")

    @Test("A page of another origin cannot start a run, whatever type it sends, nor cancel, resume or delete one")
    func foreign() async throws {
        let calls = Counter()
        try await withServer(agents: { server in
            try server.addAgent("counted") { _ in
                calls.add()
                return "done"
            }
        }) { serving in
            for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
                for type in ["text/plain", "application/json", nil] {
                    var headers: HTTPHeaders = ["Origin": origin]
                    if let type { headers.add(name: "Content-Type", value: type) }
                    let answer = try await serving.post("/runs", RunningServer.runJSON("counted"), headers: headers)
                    try answer.expectError(403, .unauthorized)
                    #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == nil)
                }
                for (method, path) in [
                    (HTTPMethod.POST, "/runs/x"), (.POST, "/runs/x/cancel"), (.DELETE, "/runs/x"),
                    (.DELETE, "/sessions/x"), (.PUT, "/nowhere"),
                ] {
                    let answer = try await serving.send(method, path, headers: ["Origin": origin])
                    #expect(answer.status == 403, "\(method) \(path)")
                }
                // A browser does not let the page read this response.
                let list = try await serving.get("/runs", headers: ["Origin": origin])
                #expect(list.status == 200)
                #expect(list.headers.first(name: "Access-Control-Allow-Origin") == nil)
                #expect(list.headers.first(name: "Cross-Origin-Resource-Policy") == "same-origin")
                let preflight = try await serving.send(
                    .OPTIONS, "/runs", headers: ["Origin": origin, "Access-Control-Request-Method": "POST"])
                #expect(!preflight.headers.contains { $0.name.lowercased().hasPrefix("access-control") })
            }
            #expect(calls.value == 0)
            // As programs send it, such as `curl -d`.
            let form = try await serving.post(
                "/runs", RunningServer.runJSON("counted"),
                headers: ["Content-Type": "application/x-www-form-urlencoded"])
            #expect(form.status == 200 && calls.value == 1)
            let plain = try await serving.post(
                "/runs", RunningServer.runJSON("counted"),
                headers: ["Origin": serving.url, "Content-Type": "text/plain"])
            try plain.expectError(415, .invalidInput)
            let own = try await serving.post(
                "/runs", RunningServer.runJSON("counted"), headers: ["Origin": serving.url, Self.json.0: Self.json.1])
            #expect(own.status == 200 && calls.value == 2)
        }
    }

    @Test("A page of a listed origin can send all requests, and read all responses, errors included")
    func listed() async throws {
        try await withServer(configuration: Self.configuration, token: "token") { serving in
            let preflight = try await serving.send(
                .OPTIONS, "/runs",
                headers: [
                    "Origin": Self.app, "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization,content-type",
                ])
            #expect(preflight.status == 204 && preflight.body.isEmpty)
            #expect(preflight.headers.first(name: "Access-Control-Allow-Origin") == Self.app)
            #expect(preflight.headers.first(name: "Access-Control-Max-Age") == "60")
            #expect(preflight.headers.first(name: "Access-Control-Allow-Credentials") == nil)
            #expect(preflight.headers["Vary"] == ["Origin"])
            let methods = preflight.headers.first(name: "Access-Control-Allow-Methods") ?? ""
            #expect(methods.contains("POST") && methods.contains("DELETE") && methods.contains("PUT"))
            let headers = preflight.headers.first(name: "Access-Control-Allow-Headers")?.lowercased() ?? ""
            for name in [
                "authorization", "content-type", "last-event-id", "idempotency-key", "a2a-version", "a2a-extensions",
            ] {
                #expect(headers.contains(name), "\(name)")
            }
            let page: HTTPHeaders = [
                "Origin": Self.app, Self.json.0: Self.json.1, Self.credential.0: Self.credential.1,
            ]
            let run = try await serving.post("/runs", RunningServer.runJSON("echo"), headers: page)
            #expect(run.status == 200)
            #expect(run.headers.first(name: "Access-Control-Expose-Headers")?.contains("Run-ID") == true)
            let plain = try await serving.post(
                "/runs", RunningServer.runJSON("echo"), headers: ["Origin": Self.app, "Content-Type": "text/plain"])
            try plain.expectError(415, .invalidInput)
            let stream = try await serving.send(
                .POST, "/runs", .bytes(Array(RunningServer.runJSON("echo", mode: .stream).utf8)), headers: page)
            #expect(stream.headers.first(name: "Content-Type") == "text/event-stream")
            for answer in [
                run, plain, stream, try await serving.get("/runs", headers: page),
                try await serving.get("/runs/x", headers: page), try await serving.get("/nowhere", headers: page),
                try await serving.get("/runs", headers: ["Origin": Self.app]),
            ] {
                #expect(answer.headers["Access-Control-Allow-Origin"] == [Self.app], "\(answer.status)")
                #expect(answer.headers["Vary"] == ["Origin"], "\(answer.status)")
            }
        }
    }

    @Test("Credentials of browsers are sent only if the configuration allows it, and never for all origins")
    func credentials() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.browsers = BrowserConfiguration(allowedOrigins: [Self.app], allowsCredentials: true)
        }
        try await withServer(configuration: configuration) { serving in
            for (origin, allowed) in [(Self.app, "true"), ("https://evil.example", nil)] as [(String, String?)] {
                let answer = try await serving.get("/agents", headers: ["Origin": origin])
                #expect(answer.headers.first(name: "Access-Control-Allow-Credentials") == allowed)
                #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == (allowed == nil ? nil : origin))
                let preflight = try await serving.send(
                    .OPTIONS, "/runs", headers: ["Origin": origin, "Access-Control-Request-Method": "POST"])
                #expect(preflight.headers.first(name: "Access-Control-Allow-Credentials") == allowed)
            }
        }
    }

    @Test("All responses have the headers that protect them, also those of errors and of unknown paths")
    func headers() async throws {
        try await withServer { serving in
            for path in ["/agents", "/ping", "/runs/x", "/nowhere"] {
                let answer = try await serving.get(path)
                #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"], "\(path)")
                #expect(answer.headers["Cross-Origin-Resource-Policy"] == ["same-origin"], "\(path)")
                #expect(answer.headers["Referrer-Policy"] == ["no-referrer"], "\(path)")
                #expect(answer.headers["Vary"].isEmpty, "responses depend on the origin only if one is listed")
            }
            try await RawConnection.open(serving.port) { connection in
                try await connection.send("nonsense\r\n\r\n")
                #expect(try await connection.readToEnd().contains("X-Content-Type-Options: nosniff"))
            }
        }
    }

    @Test("A host name that leads to a loopback address by a forged DNS response is refused")
    func rebinding() async throws {
        let configuration = ServerConfiguration.quick.with { $0.browsers.allowedHosts = ["dev.example"] }
        try await withServer(configuration: configuration) { serving in
            for (host, status) in [("evil.example:\(serving.port)", 421), ("dev.example", 200), ("localhost", 200)] {
                for line in ["GET /runs", "GET /agents"] {
                    try await RawConnection.open(serving.port) { connection in
                        try await connection.send("\(line) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                        let answer = try await connection.readResponse()
                        #expect(answer.status == status, "\(host)")
                        if status == 421 { #expect(answer.body.contains("--allow-host")) }
                    }
                }
            }
            try await RawConnection.open(serving.port) { connection in
                try await connection.send("GET /healthz HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n")
                #expect(try await connection.readResponse().status == 200)
            }
        }
    }

    @Test("Routes in another application have the same checks, and preflight requests reach them")
    func embedded() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.browsers = BrowserConfiguration(allowedOrigins: [Self.app], allowedHosts: ["127.0.0.1"])
        }
        let server = ACPServer(storage: MemoryStorage(), configuration: configuration, logger: .silent)
        try server.addExamples()
        let router = Router(context: ServerRequestContext.self)
        router.post("mine") { _, _ in "my own" }
        server.addRoutes(to: router.group("acp"))
        let port = Signal<Int>()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.send($0.localAddress?.port ?? 0) }, logger: .silent)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application), .init(service: server.engine)], logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let number = try await port.wait()
            func send(_ method: HTTPMethod, _ path: String, _ headers: HTTPHeaders) async throws -> (Int, HTTPHeaders) {
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(number)\(path)")
                request.method = method
                request.headers = headers
                if method == .POST { request.body = .bytes(Array(RunningServer.runJSON("echo").utf8)) }
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
                _ = try await response.body.collect(upTo: 1 << 20)
                return (Int(response.status.code), response.headers)
            }
            let evil: HTTPHeaders = ["Origin": "https://evil.example", "Content-Type": "application/json"]
            #expect(try await send(.POST, "/acp/runs", evil).0 == 403)
            #expect(try await send(.POST, "/mine", evil).0 == 200)
            let page: HTTPHeaders = ["Origin": Self.app, "Content-Type": "application/json"]
            #expect(try await send(.POST, "/acp/runs", page).0 == 200)
            for path in ["/acp/runs", "/acp/runs/x/events", "/acp/ping"] {
                let preflight = try await send(
                    .OPTIONS, path, ["Origin": Self.app, "Access-Control-Request-Method": "GET"])
                #expect(preflight.0 == 204)
                #expect(preflight.1.first(name: "Access-Control-Allow-Origin") == Self.app)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
