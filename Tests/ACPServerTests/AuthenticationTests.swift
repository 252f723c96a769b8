// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import HTTPTypes
import NIOHTTP1
import Testing

@Suite("Authentication")
struct AuthenticationTests {
    private static let configuration = ServerConfiguration.quick.with {
        $0.authentication = .bearer("first-token", "second-token")
    }

    @Test("Each of the tokens is accepted")
    func tokens() async throws {
        for token in ["first-token", "second-token"] {
            try await withServer(configuration: Self.configuration, token: token) { serving in
                #expect(try await serving.client.run(agent: "greeter", input: "Ada").text == "Hello, Ada!")
                let stream = try await serving.client.stream(agent: "echo", input: "x")
                #expect(try await stream.reduce(into: 0) { count, _ in count += 1 } == 6)
            }
        }
    }

    @Test(
        "A request without a valid token receives 401 with the authentication scheme",
        arguments: [
            nil, "", "first-token", "Bearer", "Bearer ", "Bearer first", "Bearer first-token2", "Bearer FIRST-TOKEN",
            "Basic first-token", "Bearer first-token second-token", "Bearer first-token, Bearer second-token",
        ] as [String?])
    func refused(header: String?) async throws {
        try await withServer(configuration: Self.configuration) { serving in
            let headers: HTTPHeaders = header.map { ["Authorization": $0] } ?? [:]
            let routes: [(HTTPMethod, String)] = [
                (.GET, "/agents"), (.GET, "/agents/echo"), (.POST, "/runs"), (.GET, "/runs"), (.GET, "/runs/x"),
                (.POST, "/runs/x"), (.DELETE, "/runs/x"), (.POST, "/runs/x/cancel"), (.GET, "/runs/x/events"),
                (.GET, "/session/x"), (.GET, "/sessions/x"), (.DELETE, "/sessions/x"), (.GET, "/sessions/x/state"),
                (.GET, "/sessions/x/history/0"), (.HEAD, "/agents"),
            ]
            for (method, path) in routes {
                let answer = try await serving.send(method, path, headers: headers)
                #expect(answer.status == 401, "\(method) \(path)")
                #expect(answer.headers.first(name: "WWW-Authenticate") == "Bearer")
                if method != .HEAD { try answer.expectError(401, .unauthorized) }
                #expect(!answer.text.contains("first-token"))
            }
        }
    }

    @Test(
        "A token that a client cannot send prevents the server from starting, and is not shown",
        arguments: ["", " ", "s3cret s3cret", "s3cret\n", "s3cret\u{e9}", "s3cret\u{7f}"])
    func unusable(token: String) throws {
        var configuration = ServerConfiguration()
        configuration.authentication = .bearer("good", token)
        let error = try #require(throws: ServerError.self) { try configuration.validate() }
        #expect(error.code == .invalidToken)
        #expect(!error.message.contains("s3cret"))
        configuration.authentication = .bearer("good", "a-._~+/b==")
        try configuration.validate()
    }

    @Test("The scheme is case-insensitive", arguments: ["bearer", "Bearer", "BEARER"])
    func scheme(name: String) async throws {
        try await withServer(configuration: Self.configuration) { serving async throws in
            #expect(try await serving.get("/agents", headers: ["Authorization": "\(name) second-token"]).status == 200)
        }
    }

    @Test("Health checks require no token", arguments: ["/ping", "/healthz", "/readyz"])
    func open(path: String) async throws {
        try await withServer(configuration: Self.configuration) { serving async throws in
            #expect(try await serving.get(path).status == 200)
        }
    }

    @Test("A server without any token to accept does not start")
    func noTokens() throws {
        let server = ACPServer(
            storage: MemoryStorage(), configuration: .quick.with { $0.authentication = .bearer() })
        let error = #expect(throws: ServerError.self) { try server.application() }
        #expect(error?.description.contains("no token is given") == true)
    }

    @Test("A custom check decides by the request, and rejects it if the check throws")
    func custom() async throws {
        let check = Authentication.custom { request in
            switch request.headerFields[HTTPField.Name("X-Key")!] {
            case "right": true
            case "throw": throw NeverHappened(description: Secret.text)
            default: request.method == .get && request.path == "/agents"
            }
        }
        try await withServer(configuration: .quick.with { $0.authentication = check }) { serving in
            #expect(try await serving.get("/runs", headers: ["X-Key": "right"]).status == 200)
            #expect(try await serving.get("/agents").status == 200)
            let answer = try await serving.get("/runs", headers: ["X-Key": "throw"])
            try answer.expectError(401, .unauthorized)
            #expect(!answer.text.contains(Secret.text))
            try await serving.get("/runs").expectError(401, .unauthorized)
        }
    }

    @Test("Tokens, valid or not, are not logged")
    func logs() async throws {
        let storage = ScriptedStorage()
        let log = Log()
        try await withServer(storage, configuration: Self.configuration, logger: log.logger) { serving in
            for token in ["first-token", "wrong-token"] {
                let headers: HTTPHeaders = ["Authorization": "Bearer \(token)"]
                _ = try await serving.get("/runs", headers: headers)
                storage.fail([.list], with: .outage)
                _ = try await serving.get("/runs", headers: headers)
                storage.fail([.list], with: nil)
            }
        }
        #expect(log.text.contains("the storage failed during a request"))
        #expect(!log.text.contains("-token"))
    }
}
