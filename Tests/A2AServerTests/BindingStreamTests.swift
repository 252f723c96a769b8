// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import A2AServer

@Suite("A2A streams")
struct BindingStreamTests {
    private static func resuming(after number: Int) -> HTTPHeaders {
        ["A2A-Version": "1.0", "Last-Event-ID": "\(number)"]
    }

    @Test("A stream continues after any event, with the same elements", arguments: [TestBinding.jsonRPC, .http])
    func resumed(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let whole = try await binding.call(.sendStreamingMessage, on: server).frames
            guard case .task(let task) = try #require(whole.first).response() else { return }
            for frame in whole.dropLast() {
                let id = try #require(frame.id)
                let rest = try await binding.call(
                    .subscribeToTask, on: server, task: task.id, headers: Self.resuming(after: id))
                #expect(rest.status == 200)
                #expect(rest.frames == whole.filter { $0.id ?? -1 > id }, "after \(id)")
            }
            let ended = try await binding.call(.subscribeToTask, on: server, task: task.id)
            #expect(ended.error?.code == .unsupportedOperation)
        }
    }

    @Test("All subscribers get the same elements, in order", arguments: [TestBinding.jsonRPC, .http])
    func subscribers(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let task = try await server.task(at: "/a2a/questioner")
            let ready = Counter()
            let streams = try await withThrowingTaskGroup(of: [SentFrame].self) { tasks in
                for _ in 0..<4 {
                    tasks.addTask {
                        let (first, rest) = try await server.openStream(
                            binding, .subscribeToTask, agent: "questioner", task: task.id
                        ) { _, server in
                            guard ready.add() == 4 else { return }
                            _ = try await server.call(
                                "SendMessage", BindingServer.message("Ada", task: task.id), at: "/a2a/questioner")
                        }
                        return [first] + rest
                    }
                }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            #expect(streams.count == 4 && Set(streams.map { $0.map(\.json) }).count == 1)
            #expect(streams.first?.last?.summary == "status COMPLETED")
        }
    }

    @Test("A silent stream has comments, which keep its connection open")
    func comments() async throws {
        let configuration = ServerConfiguration.binding.with { $0.keepAliveInterval = .milliseconds(20) }
        try await withBindings(server: configuration) { server async throws in
            let task = try await server.task(at: "/a2a/questioner")
            var request = HTTPClientRequest(url: "\(server.url)/a2a/questioner/tasks/\(task.id):subscribe")
            request.headers = ["A2A-Version": "1.0"]
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            var text = ""
            for try await chunk in response.body {
                text += String(buffer: chunk)
                if text.components(separatedBy: ": keep-alive\n\n").count > 2 { break }
            }
            #expect(text.hasPrefix("id: ") && SentFrame.parse(text).count == 1)
        }
    }

    @Test("A shutdown ends the stream of a task that waits, without an error")
    func shutdown() async throws {
        try await withBindings { server async throws in
            let task = try await server.task(at: "/a2a/questioner")
            let (first, rest) = try await server.openStream(
                .http, .subscribeToTask, agent: "questioner", task: task.id
            ) { _, server in await server.group.triggerGracefulShutdown() }
            #expect(first.summary == "task INPUT_REQUIRED")
            #expect(rest.allSatisfy { $0.name == nil }, "\(rest)")
        }
    }

    @Test("Artifacts larger than a piece arrive whole", arguments: [TestBinding.jsonRPC, .http])
    func large(binding: TestBinding) async throws {
        let text = String(repeating: "0123456789", count: 60_000)
        try await withBindings(agents: {
            try $0.addAgent("echo") { context in
                for _ in 0..<3 { try await context.yield(text) }
            }
        }) { server async throws in
            let frames = try await binding.call(.sendStreamingMessage, on: server).frames
            let parts = try frames.compactMap { frame -> A2A.Part.Content? in
                guard case .artifactUpdate(let event) = try frame.response() else { return nil }
                return event.artifact.parts.first?.content
            }
            #expect(parts == [.text(text), .text(text), .text(text)])
        }
    }

    @Test("A task goes on when the client of its stream disconnects")
    func disconnected() async throws {
        let gate = Signal<Void>()
        try await withBindings(agents: {
            try $0.addAgent("echo") { context in
                try await context.yield("begun")
                try await gate.wait()
                try await context.yield("ended")
            }
        }) { server async throws in
            var request = HTTPClientRequest(url: "\(server.url)/a2a/echo/message:stream")
            request.method = .POST
            request.headers = ["A2A-Version": "1.0", "Content-Type": "application/json"]
            request.body = .bytes(Array(BindingServer.message().utf8))
            let text = try await HTTPClient.shared.execute(request, timeout: .seconds(60)).body
                .first { _ in true }.map { String(buffer: $0) }
            guard case .task(let task) = try #require(SentFrame.parse(text ?? "").first).response() else { return }
            gate.send()
            try await eventually("the task ends") {
                let response = try await server.call("GetTask", #"{"id":"\#(task.id)"}"#)
                return try response.result(A2A.Task.self).status.state == .completed
            }
        }
    }

    @Test("A failure in the middle of a stream is its last event, in the form of the binding")
    func failures() throws {
        let failure = ErrorResponse(RunEngineError.unknownRun("r1"))
        let stream = TaskService.Stream(
            run: "r1", first: nil, offset: 0, end: .terminal, events: TaskEvents(of: "r1", in: "s1"))
        let http = String(buffer: TaskStreamFormat(stream, PlainStreamEncoder()).encode(failure))
        #expect(
            http.hasPrefix("event: error\ndata: {\"error\":{\"code\":404,\"status\":\"NOT_FOUND\",")
                && http.hasSuffix("\n\n"))
        let rpc = String(buffer: TaskStreamFormat(stream, JSONRPCStreamEncoder(id: .integer(7))).encode(failure))
        #expect(rpc.hasPrefix(#"event: error"# + "\n" + #"data: {"jsonrpc":"2.0","id":7,"error":{"code":-32001,"#))
    }
}
