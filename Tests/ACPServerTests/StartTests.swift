// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import Hummingbird
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@Suite("Start")
struct StartTests {
    private static func server(host: String = "127.0.0.1", port: Int = 0) throws -> ACPServer {
        let configuration = ServerConfiguration.quick.with {
            $0.host = host
            $0.port = port
        }
        let server = ACPServer(storage: MemoryStorage(), configuration: configuration, logger: .silent)
        try server.addExamples()
        return server
    }

    @Test("A server accepts requests when it reports its port, also from the listener itself")
    func onListening() async throws {
        let server = try Self.server()
        let answered = Signal<String>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.runService { port in
                    do {
                        let client = try ACPClient("http://127.0.0.1:\(port)")
                        let text = try await client.run(agent: "greeter", input: "Ada").text
                        try await client.close()
                        answered.send(text)
                    } catch {
                        answered.send("\(error)")
                    }
                }
            }
            let text = try await answered.wait()
            #expect(text == "Hello, Ada!")
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        #expect(!server.engine.acceptsRuns, "cancelling the task that runs a server ends it")
    }

    @Test("A second agent with the same name is rejected with an error, and the first one remains")
    func duplicates() throws {
        let server = try Self.server()
        let error = #expect(throws: RunEngineError.self) {
            try server.addAgent("echo", description: "another") { _ in }
        }
        #expect(error?.code == .duplicateAgent && error?.message.contains("echo") == true)
        #expect(server.agents.manifests.count { $0.name == "echo" } == 1)
        #expect(server.agents["echo"]?.manifest.description == "Echoes everything")
    }

    @Test("A server or an engine whose limits are out of their range does not start, and the error names the property")
    func invalidLimits() async throws {
        let changes: [(String, (inout EngineConfiguration) -> Void)] = [
            ("maximumActiveRuns", { $0.maximumActiveRuns = 0 }), ("maximumQueuedRuns", { $0.maximumQueuedRuns = -1 }),
            ("lease", { $0.lease = .milliseconds(99) }), ("shutdownGrace", { $0.shutdownGrace = .seconds(-1) }),
            ("inlineContentLimit", { $0.inlineContentLimit = 255 }), ("maximumLinkBytes", { $0.maximumLinkBytes = -1 }),
        ]
        for (property, change) in changes {
            let configuration = ServerConfiguration.quick.with { change(&$0.engine) }
            let server = ACPServer(storage: MemoryStorage(), configuration: configuration, logger: .silent)
            let error = await #expect(throws: ServerError.self) { try await server.run() }
            #expect(error?.code == .invalidConfiguration && error?.message.contains(property) == true)
            let engineError = await #expect(throws: RunEngineError.self) { try await server.engine.run() }
            #expect(engineError?.code == .invalidConfiguration && engineError?.message.contains(property) == true)
        }
    }

    @Test("A number of the server that is below its minimum keeps it from starting, and the error names the property")
    func numbersBelowMinimum() {
        let changes: [(String, (inout ServerConfiguration) -> Void)] = [
            ("maximumBodySize", { $0.maximumBodySize = 0 }),
            ("connections.maximumCount", { $0.connections.maximumCount = 0 }),
            ("connections.reserve", { $0.connections.reserve = -1 }),
            ("limits.maximumLinks", { $0.limits.maximumLinks = -1 }),
            ("limits.responseMemory", { $0.limits.responseMemory = 0 }),
            ("links.maximumLoads", { $0.links?.maximumLoads = 0 }),
        ]
        for (property, change) in changes {
            let configuration = ServerConfiguration.quick.with(change)
            let error = #expect(throws: ServerError.self) { try configuration.validate() }
            #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("\(property) is ") == true)
        }
    }

    @Test("A port in use is reported with a typed error")
    func portInUse() async throws {
        try await withServer { serving in
            let error = await #expect(throws: ServerError.self) { try await Self.server(port: serving.port).run() }
            #expect(error?.code == .cannotListen)
            #expect(error?.message.contains("127.0.0.1:\(serving.port): the address is in use") == true)
            try await serving.expectStillServing()
        }
    }

    @Test(
        "An address on which the server cannot listen is reported with a typed error",
        arguments: [("no-such-host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70_000), ("127.0.0.1", -1)])
    func badAddress(host: String, port: Int) async throws {
        let error = await #expect(throws: ServerError.self) { try await Self.server(host: host, port: port).run() }
        #expect(error?.code == .cannotListen)
        #expect(error?.message.contains("cannot listen on \(host):\(port): ") == true)
    }

    @Test("The routes can be served by another application, next to other routes")
    func ownRouter() async throws {
        let server = try Self.server()
        let router = server.router()
        router.get("mine") { _, _ in "my own" }
        let port = Signal<Int>()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.send($0.localAddress?.port ?? 0) }, logger: .silent)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application), .init(service: server.engine)], logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let url = "http://127.0.0.1:\(try await port.wait())"
            let response = try await HTTPClient.shared.execute(
                HTTPClientRequest(url: url + "/mine"), timeout: .seconds(60))
            #expect(String(buffer: try await response.body.collect(upTo: 1_000)) == "my own")
            let client = try ACPClient(url)
            #expect(try await client.run(agent: "greeter", input: "Ada").text == "Hello, Ada!")
            try await client.close()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
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

    @Test("The routes can be added to a group of another router, whose other routes remain unchanged")
    func embedded() async throws {
        let configuration = try ServerConfiguration.quick.with {
            $0.authentication = .bearer("token")
            $0.urlSigning = try URLSigning(keys: ["a key of more than sixteen bytes"])
            $0.publicURL = "http://agents.example.com/acp"
        }
        let server = ACPServer(storage: MemoryStorage(), configuration: configuration, logger: .silent)
        try server.addExamples()
        let router = Router(context: OwnContext.self, options: .autoGenerateHeadEndpoints)
        router.get("mine") { _, _ in "my own" }
        router.get("broken") { _, _ -> String in throw HTTPError(.badRequest, message: "my own error") }
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
            let url = "http://127.0.0.1:\(try await port.wait())"
            func get(_ path: String) async throws -> (status: Int, text: String) {
                let response = try await HTTPClient.shared.execute(
                    HTTPClientRequest(url: url + path), timeout: .seconds(60))
                return (Int(response.status.code), String(buffer: try await response.body.collect(upTo: 10_000)))
            }
            #expect(try await get("/mine") == (200, "my own"))
            let broken = try await get("/broken")
            #expect(broken.status == 400 && broken.text.contains("my own error") && !broken.text.contains("code"))
            #expect(try await get("/agents").status == 404, "only below the group's path")
            let refused = try await get("/acp/agents")
            #expect(refused.status == 401 && refused.text.contains(#""code":"unauthorized""#))

            let client = try ACPClient(url + "/acp", configuration: .quick(token: "token"))
            let session = client.session()
            #expect(try await session.run(agent: "greeter", input: "Ada").text == "Hello, Ada!")
            #expect(try await client.stream(agent: "greeter", input: "Ada").reduce(0) { sum, _ in sum + 1 } > 3)
            let descriptor = try #require(try await session.descriptor())
            let message = try #require(descriptor.history.first)
            #expect(message.hasPrefix("http://agents.example.com/acp/sessions/"))
            let path = message.dropFirst("http://agents.example.com".count)
            #expect(try await get(String(path)).text.contains("Ada"), "its signature is valid below the group's path")
            #expect(try await get(String(path.prefix { $0 != "?" })).status == 403)
            try await client.close()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
