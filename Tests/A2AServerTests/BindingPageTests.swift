// SPDX-License-Identifier: Apache-2.0

import A2ACore
import A2AServer
import NIOHTTP1
import Testing

@Suite("A2A requests of web pages")
struct BindingPageTests {
    private static let app = "https://app.example.com"
    private static let json: HTTPHeaders = ["Content-Type": "application/json", "A2A-Version": "1.0"]
    private static let call = """
        {"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER",\
        "parts":[{"text":"hi"}]}}}
        """

    private static func from(_ origin: String) -> HTTPHeaders {
        var headers = json
        headers.add(name: "Origin", value: origin)
        return headers
    }

    @Test("A page of another origin is refused with an error in the form of the binding")
    func foreign() async throws {
        try await withBindings { serving in
            let rpc = try await serving.send(.POST, "/a2a/echo", Self.call, headers: Self.from("https://evil.example"))
            #expect(rpc.status == 403)
            #expect(rpc.text.contains(#""jsonrpc":"2.0""#) && rpc.text.contains("PERMISSION_DENIED"), "\(rpc.text)")
            let http = try await serving.send(
                .POST, "/a2a/echo/message:send", "{}", headers: Self.from("https://evil.example"))
            #expect(http.status == 403)
            #expect(!http.text.contains("jsonrpc") && http.error?.code == .permissionDenied)
            let host = try await serving.send(.GET, "/a2a/echo/tasks/x", headers: ["Host": "evil.example"])
            #expect(host.status == 421 && host.text.contains("MISDIRECTED_REQUEST"))
            let acp = try await serving.send(.POST, "/runs", "{}", headers: Self.from("https://evil.example"))
            #expect(acp.status == 403 && acp.text.contains(#""code":"unauthorized""#))
        }
    }

    @Test("A page of a listed origin can call agents and read their cards")
    func listed() async throws {
        try await withBindings(server: .binding.with { $0.browsers.allowedOrigins = [Self.app] }) { serving in
            for path in ["/a2a/echo", "/a2a/echo/message:send", "/a2a/echo/.well-known/agent-card.json"] {
                let preflight = try await serving.send(
                    .OPTIONS, path, headers: ["Origin": Self.app, "Access-Control-Request-Method": "POST"])
                #expect(preflight.status == 204)
                #expect(preflight.headers.first(name: "Access-Control-Allow-Origin") == Self.app)
                #expect(preflight.headers.first(name: "Access-Control-Allow-Headers")?.contains("A2A-Version") == true)
            }
            let answer = try await serving.send(.POST, "/a2a/echo", Self.call, headers: Self.from(Self.app))
            #expect(answer.status == 200 && answer.text.contains("TASK_STATE_COMPLETED"))
            #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == Self.app)
            let card = try await serving.send(
                .GET, "/a2a/echo/.well-known/agent-card.json", headers: ["Origin": Self.app])
            #expect(card.headers.first(name: "Access-Control-Allow-Origin") == Self.app)
            #expect(card.headers["X-Content-Type-Options"] == ["nosniff"])
        }
    }

    @Test("Requests beyond the limit of a caller are refused in the form of the binding")
    func limits() async throws {
        let limits = CallerLimits(requestsPerSecond: 0.001, requestBurst: 1)
        try await withBindings(server: .binding.with { $0.callers = limits }) { serving async throws in
            #expect(try await serving.send(.GET, "/a2a/echo/tasks/x").status == 404)
            let http = try await serving.send(.GET, "/a2a/echo/tasks/x")
            #expect(http.status == 429 && http.error?.code == .rateLimited && !http.text.contains("jsonrpc"))
            #expect(http.headers.first(name: "Retry-After") != nil)
            let rpc = try await serving.send(.POST, "/a2a/echo", Self.call, headers: Self.json)
            #expect(rpc.status == 429 && rpc.text.contains("jsonrpc") && rpc.text.contains("RATE_LIMITED"))
        }
    }
}
