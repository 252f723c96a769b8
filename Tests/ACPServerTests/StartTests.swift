// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import Hummingbird
import ServiceLifecycle
import Testing

@Suite("Starting")
struct StartTests {
    private static func server() -> ACPServer {
        let server = ACPServer(storage: MemoryStorage(), configuration: .quick, logger: .silent)
        server.addExamples()
        return server
    }

    @Test("A server can be called when it says that it listens, also by whoever it says that to")
    func onListening() async throws {
        let server = Self.server()
        let answered = Signal<String>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run(port: 0) { port in
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

    @Test("A server with two agents of one name does not start, and says which")
    func duplicates() async throws {
        let server = Self.server()
        server.agent("echo") { _ in }
        let error = await #expect(throws: ServerError.self) { try await server.run(port: 0) }
        guard case .duplicateAgents(["echo"]) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(error?.description.contains("echo") == true)
        #expect(throws: ServerError.self) { try server.application() }
    }

    @Test("A port that is in use is said with a typed error that names it")
    func portInUse() async throws {
        try await serving { serving in
            let error = await #expect(throws: ServerError.self) { try await Self.server().run(port: serving.port) }
            guard case .cannotListen("127.0.0.1", serving.port, let reason) = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            #expect(reason == "the address is in use")
            try await serving.expectStillServing()
        }
    }

    @Test(
        "An address that cannot be listened on is said with a typed error",
        arguments: [("no-such-host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70_000), ("127.0.0.1", -1)])
    func badAddress(host: String, port: Int) async throws {
        let error = await #expect(throws: ServerError.self) { try await Self.server().run(host: host, port: port) }
        guard case .cannotListen(host, port, let reason) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("The routes can be served by an application of one's own, next to other routes")
    func ownRouter() async throws {
        let server = Self.server()
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
}
