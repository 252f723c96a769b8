// SPDX-License-Identifier: Apache-2.0

import ACPClient
import AsyncHTTPClient
import Hummingbird
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import ACPServer

@Suite("Errors that callers receive")
struct CallerSafeErrorTests {
    /// What errors of storages may hold, and callers may not read.
    private static let secrets = [
        "10.9.8.7", ":6379", "/var/lib/acp", "acp:run:", "e0e1f9fabfc9d480", "hunter2", "EVALSHA", "StorageError",
    ]

    private static func failure(_ code: StorageError.Code) -> StorageError {
        StorageError(
            code,
            "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db acp:run:1 at 10.9.8.7:6379 failed (/var/lib/acp/runs.sqlite)",
            cause: Cause())
    }

    private struct Cause: Error, CustomStringConvertible {
        var description: String { "redis://admin:hunter2@10.9.8.7:6379" }
    }

    private static func expectSafe(
        _ answer: ReceivedResponse, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for secret in secrets {
            #expect(!answer.text.contains(secret), "\(what): \(answer.text)", sourceLocation: sourceLocation)
        }
    }

    @Test(
        "No response contains an address, a path or a key of the storage, and the log contains them",
        arguments: [
            .cannotConnect, .timedOut, .outcomeUnknown, .refused, .corruptData, .fenced, .conflict, .notFound,
            .incomplete,
            .full, .closed,
        ] as [StorageError.Code])
    func everyRoute(code: StorageError.Code) async throws {
        let storage = ScriptedStorage()
        let log = Log()
        let configuration = ServerConfiguration.quick.with { $0.engine.storageTimeout = .milliseconds(20) }
        try await withServer(storage, configuration: configuration, logger: log.logger) { serving in
            let run = try await serving.client.run(agent: "counter", input: "x", session: "s").id
            let foreign = try await storage.createForeignRun()
            storage.fail([.commit, .record, .events, .sessions, .ping, .list, .delete], with: Self.failure(code))
            let resume = #"{"await_resume":{"type":"message","message":{"parts":[]}}}"#
            let own = "\(serving.url)/sessions/s/history/0"
            let forwarded =
                #"{"agent_name":"echo","session":{"id":"s","history":["\#(own)"]},"input":[{"parts":[]}]}"#
            let stream: HTTPHeaders = ["Accept": "text/event-stream"]
            let requests: [(HTTPMethod, String, String?, HTTPHeaders)] = [
                (.GET, "/readyz", nil, [:]), (.GET, "/runs", nil, [:]), (.GET, "/runs/\(run)", nil, [:]),
                (.POST, "/runs", RunningServer.runJSON("echo"), [:]),
                (.POST, "/runs", RunningServer.runJSON("echo", mode: .async), [:]),
                (.POST, "/runs", RunningServer.runJSON("echo", mode: .stream), [:]),
                (.POST, "/runs", RunningServer.runJSON("echo"), ["Idempotency-Key": "k"]),
                (.POST, "/runs", forwarded, [:]),
                (.GET, "/runs/\(run)/events", nil, [:]), (.GET, "/runs/\(run)/events", nil, stream),
                (.GET, "/runs/\(foreign)/events", nil, stream), (.POST, "/runs/\(foreign)", resume, [:]),
                (.POST, "/runs/\(foreign)/cancel", nil, [:]), (.DELETE, "/runs/\(run)", nil, [:]),
                (.GET, "/session/s", nil, [:]), (.GET, "/sessions/s", nil, [:]),
                (.GET, "/sessions/s/history", nil, [:]), (.GET, "/sessions/s/history/0", nil, [:]),
                (.GET, "/sessions/s/state", nil, [:]), (.GET, "/processes", nil, [:]),
            ]
            for (method, path, json, headers) in requests {
                let body = json.map { HTTPClientRequest.Body.bytes(Array($0.utf8)) }
                let answer = try await serving.send(method, path, body, headers: headers)
                Self.expectSafe(answer, "\(code) \(method) \(path)")
                #expect(answer.status >= 500, "\(code) \(method) \(path): \(answer.status) \(answer.text)")
                if path == "/readyz", code == .cannotConnect {
                    #expect(answer.text.contains("storage"), "\(answer.text)")
                }
            }
            // A run whose agent comes upon the failure.
            storage.fail([.commit, .record, .events, .ping, .list, .delete], with: nil)
            for mode in RunMode.allCases {
                Self.expectSafe(try await serving.run("counter", mode: mode), "\(code) counter \(mode)")
            }
            Self.expectSafe(try await serving.get("/runs?agent_name=counter"), "\(code) list")
            storage.fail([.sessions], with: nil)
        }
        for secret in ["10.9.8.7", "/var/lib/acp", "hunter2"] { #expect(log.text.contains(secret), "\(secret)") }
    }

    @Test("An interrupted stream is logged with the whole error, which the client does not receive")
    func brokenStream() async throws {
        let storage = ScriptedStorage()
        let log = Log()
        try await withServer(storage, logger: log.logger) { serving in
            let run = try await storage.createForeignRun()
            async let streamed = serving.get("/runs/\(run)/events", headers: ["Accept": "text/event-stream"])
            try await eventually("the run is watched") { storage.scripted.watchers == 1 }
            storage.fail([.events], with: Self.failure(.cannotConnect))
            (storage.memory.coordination as? LocalCoordination)?.runDidChange(run)
            let answer = try await streamed
            #expect(SentEvent.parse(answer.text).last?.kind == "error")
            Self.expectSafe(answer, "stream")
            #expect(log.text.contains("/runs/\(run)/events") && log.text.contains("hunter2"))
        }
    }

    @Test("Only authenticated callers receive the reason why a server is not ready")
    func readiness() async throws {
        let storage = ScriptedStorage()
        let configuration = ServerConfiguration.quick.with { $0.authentication = .bearer("the-token") }
        try await withServer(storage, configuration: configuration) { serving in
            storage.fail([.ping], with: Self.failure(.timedOut))
            for (headers, isTold) in [
                (["Authorization": "Bearer the-token"], true), (["Authorization": "Bearer x"], false), ([:], false),
            ] as [(HTTPHeaders, Bool)] {
                let answer = try await serving.get("/readyz", headers: headers)
                let error = try answer.expectError(503, .unavailable)
                #expect(error.message.contains("storage") == isTold, "\(error)")
                #expect(answer.headers.first(name: "Retry-After") == "1")
                Self.expectSafe(answer, "readyz")
            }
        }
    }

    @Test("An unknown error is sent in general terms, and keeps its cause for the log")
    func unknownError() {
        let answer = ErrorResponse(Cause())
        #expect(answer.status == .internalServerError)
        #expect(answer.error == ACPError(.serverError, "unexpected server error"))
        #expect(answer.cause is Cause)
        #expect(ErrorResponse(ErrorResponse(Cause())).cause is Cause, "also when it was an answer before")
    }

    @Test("An error of the program's own route is logged once, with the route, and not sent")
    func ownRoute() async throws {
        let log = Log()
        let server = ACPServer(storage: MemoryStorage(), configuration: .quick, logger: log.logger)
        let router = server.router()
        router.get("broken") { _, _ -> String in throw Cause() }
        let port = Signal<Int>()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.send($0.localAddress?.port ?? 0) }, logger: log.logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application), .init(service: server.engine)], logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let url = "http://127.0.0.1:\(try await port.wait())/broken"
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(60))
            let body = String(buffer: try await response.body.collect(upTo: 10_000))
            #expect(response.status == .internalServerError && body.contains("unexpected server error"))
            #expect(!body.contains("hunter2"))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        let lines = log.text.split(separator: "\n").filter { $0.contains("hunter2") }
        #expect(lines.count == 1 && lines[0].hasPrefix("error: a request failed") && lines[0].contains("/broken"))
    }

    @Test("Repeatedly rejected runs do not fill the log")
    func refusedRuns() async throws {
        let gate = Signal<Void>()
        let log = Log()
        let configuration = ServerConfiguration.quick.with {
            $0.engine.maximumActiveRuns = 1
            $0.engine.maximumQueuedRuns = 0
        }
        try await withServer(configuration: configuration, logger: log.logger, agents: { try $0.addGated(gate) }) {
            serving in
            _ = try await serving.client.start(agent: "gated", input: "x")
            for _ in 0..<200 { try await serving.run("echo").expectError(503, .unavailable) }
            gate.send()
        }
        let lines = log.text.split(separator: "\n").filter { $0.contains("a run was rejected: too many active runs") }
        #expect((1..<20).contains(lines.count), "\(lines.count)")
    }

    @Test("An outage with many callers does not fill the log")
    func outage() async throws {
        let storage = ScriptedStorage()
        let log = Log()
        try await withServer(storage, logger: log.logger) { serving in
            storage.fail([.record], with: .outage)
            for _ in 0..<200 { try await serving.get("/runs/r").expectError(503, .unavailable) }
            storage.fail([.record], with: nil)
        }
        let lines = log.text.split(separator: "\n").filter { $0.contains("the storage failed during a request") }
        // One per ten seconds.
        #expect((1..<20).contains(lines.count), "\(lines.count)")
    }
}
