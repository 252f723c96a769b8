// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import Testing

@testable import ACPServer

@Suite("Methods of authentication")
struct AuthenticationMethodTests {
    private struct Refused: Error {}

    /// Counts how often requests are authenticated.
    private static func counting(_ count: Atomic64, _ id: PrincipalID = "ada") -> Authentication {
        .principal { request in
            count.increment()
            return request.headerFields[.authorization] == nil ? nil : Principal(id: id, roles: [.administer])
        }
    }

    @Test("Each request is authenticated once, with limits of callers, isolation and a log of requests")
    func once() async throws {
        let count = Atomic64()
        let log = Log()
        let configuration = try ServerConfiguration.quick.with {
            $0.authentication = Self.counting(count)
            $0.isolation = true
            $0.callers = CallerLimits(requestsPerSecond: 1_000_000, requestBurst: 1_000, maximumStreams: 10)
            $0.logsRequests = true
            $0.urlSigning = try URLSigning(keys: ["0123456789abcdef"])
        }
        try await withServer(configuration: configuration, logger: log.logger) { server async throws in
            let headers: HTTPHeaders = ["Authorization": "Bearer x"]
            let run = try await server.post("/runs", RunningServer.runJSON("echo"), headers: headers).decode(Run.self)
            #expect(count.value == 1)
            let requests: [(HTTPMethod, String)] = [
                (.GET, "/runs/\(run.id)"), (.GET, "/runs"), (.GET, "/sessions/\(run.sessionID!)/history/0"),
                (.GET, "/sessions/\(run.sessionID!)"), (.GET, "/processes"), (.GET, "/runs/\(run.id)/events"),
                (.DELETE, "/runs/\(run.id)"), (.GET, "/runs/none"),
            ]
            for (index, (method, path)) in requests.enumerated() {
                _ = try await server.send(method, path, headers: headers)
                #expect(count.value == index + 2, "\(path)")
            }
            _ = try await server.get("/ping", headers: headers)
            #expect(count.value == requests.count + 1, "health checks require none")
            try await eventually("the lines") { log.messages.count { $0.contains("\"principal\": ada") } >= 9 }
        }
    }

    @Test("Several methods are combined: the first one that accepts a request decides")
    func any() async throws {
        let unavailable = Authentication.principal { _ in throw AuthenticationUnavailable("the database is down") }
        let failing = Authentication.principal { _ in throw Refused() }
        let tokens = try Authentication.tokens(TestCaller.tokens)
        let never = Authentication.principal { _ in nil }
        func outcome(_ method: Authentication, _ caller: TestCaller = .owner) async -> String {
            var request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/")
            for field in caller.headers { request.headerFields[HTTPField.Name(field.name)!] = field.value }
            return switch await method.outcome(of: request) {
            case .accepted(let principal): principal?.id.rawValue ?? "anonymous"
            case .denied: "denied"
            case .unavailable: "unavailable"
            }
        }
        #expect(await outcome(.any(never, tokens)) == "alice")
        #expect(await outcome(.any(failing, tokens)) == "alice")
        #expect(await outcome(.any(unavailable, tokens)) == "alice")
        #expect(await outcome(.any(unavailable, tokens), .wrong) == "unavailable", "it might have been accepted")
        #expect(await outcome(.any(tokens, .bearer("bob-token")), .other) == "bob")
        #expect(await outcome(.any(.bearer("bob-token"), tokens), .other) == "anonymous")
        #expect(await outcome(.any(never, failing)) == "denied")
        #expect(await outcome(.any(tokens), .nobody) == "denied")
        #expect(Authentication.any(never, tokens).isBearer && !Authentication.any(never).isBearer)
        #expect(throws: ServerError.self) { try ServerConfiguration(authentication: .any([])).validate() }
        #expect(throws: ServerError.self) {
            try ServerConfiguration(authentication: .any(tokens, .bearer(""))).validate()
        }
    }

    @Test("A request that cannot be authenticated at the moment gets 503, and the reason is only logged")
    func unavailable() async throws {
        let log = Log()
        let configuration = ServerConfiguration.quick.with {
            $0.authentication = .principal { _ in throw AuthenticationUnavailable("no route to \(Secret.text)") }
        }
        try await withServer(configuration: configuration, logger: log.logger) { server async throws in
            let response = try await server.get("/runs")
            try response.expectError(503, .unavailable)
            #expect(response.headers.first(name: "Retry-After") != nil && !response.text.contains(Secret.text))
            #expect(try await server.get("/ping").status == 200)
            #expect(log.text.contains("no route to"))
        }
    }

    @Test("Limits of callers are those of principals, whatever credential and address they have")
    func limits() async throws {
        let configuration = try ServerConfiguration.principals().with {
            $0.callers = CallerLimits(requestsPerSecond: 0.001, requestBurst: 2)
        }
        try await withServer(configuration: configuration) { server async throws in
            #expect(try await server.send(.GET, "/runs", as: .owner).status == 200)
            #expect(try await server.send(.GET, "/runs", as: .reader).status == 200, "the same principal")
            #expect(try await server.send(.GET, "/runs", as: .owner).status == 429)
            #expect(try await server.send(.GET, "/runs", as: .reader).status == 429)
            #expect(try await server.send(.GET, "/runs", as: .other).status == 200)
            #expect(try await server.send(.GET, "/runs", as: .wrong).status == 401, "by its address")
            #expect(try await server.send(.GET, "/runs", as: .nobody).status == 401)
            #expect(try await server.send(.GET, "/runs", as: .wrong).status == 429)
        }
    }

    private struct OwnContext: RequestContext, RemoteAddressRequestContext {
        var coreContext: CoreRequestContextStorage
        let remoteAddress: SocketAddress?

        init(source: ApplicationRequestContextSource) {
            coreContext = CoreRequestContextStorage(source: source)
            remoteAddress = source.channel.remoteAddress
        }
    }

    @Test("The routes in another application distinguish and isolate principals too, and leave its own routes alone")
    func mounted() async throws {
        let server = ACPServer(
            storage: MemoryStorage(), configuration: try .principals(), logger: .silent)
        try server.addExamples()
        let router = Router(context: OwnContext.self, options: .autoGenerateHeadEndpoints)
        router.get("own") { _, _ in RequestIdentity.current == nil ? "own" : "theirs" }
        server.addRoutes(to: router.group("acp"))
        let port = Signal<Int>()
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.send($0.localAddress?.port ?? 0) }, logger: .silent)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application), .init(service: server.engine)], logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let base = "http://127.0.0.1:\(try await port.wait())"
            func send(
                _ method: HTTPMethod, _ path: String, _ json: String? = nil, as caller: TestCaller
            ) async throws -> ReceivedResponse {
                try await .receive(method, base + path, json.map { .bytes(Array($0.utf8)) }, caller.headers)
            }
            #expect(try await send(.GET, "/own", as: .nobody).text == "own")
            let run = try await send(.POST, "/acp/runs", RunningServer.runJSON("echo"), as: .owner).decode(Run.self)
            #expect(run.principal == "alice")
            #expect(try await send(.GET, "/acp/runs/\(run.id)", as: .owner).status == 200)
            #expect(try await send(.GET, "/acp/runs/\(run.id)", as: .other).status == 404)
            #expect(try await send(.GET, "/acp/runs/\(run.id)", as: .nobody).status == 401)
            #expect(try await send(.DELETE, "/acp/runs/\(run.id)", as: .reader).status == 403)
            #expect(try await send(.GET, "/acp/ping", as: .nobody).status == 200)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// A number that several tasks increment.
private final class Atomic64: Sendable {
    private let number = Atomic(0)

    var value: Int { number.load(ordering: .relaxed) }
    func increment() { number.add(1, ordering: .relaxed) }
}
