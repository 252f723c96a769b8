// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import ACPTracing
import InMemoryTracing
import NIOHTTP1
import Synchronization
import Testing
import Tracing

@Suite("Traces across servers", .timeLimit(.minutes(5)))
struct TracingTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "00-\(trace)-b7ad6b7169203331-01"
    private let tracer = InMemoryTracer()

    private var tracing: ServerConfiguration { .quick.with { $0.engine.tracer = tracer } }

    private func span(_ name: String) throws -> FinishedInMemorySpan {
        try #require(tracer.finishedSpans.first { $0.operationName == name }, "\(tracer.finishedSpans)")
    }

    @Test("A request of a client continues its trace on the server, down to the handler")
    func request() async throws {
        let tracer = tracer
        try await withServer(configuration: tracing) { server in
            let client = try ACPClient(
                server.url, configuration: .quick().with { $0.tracer = tracer })
            let run = try await tracer.withSpan("caller") { _ in try await client.run(agent: "echo", input: "hi") }
            try await client.close()
            try await eventually("all spans have ended") { tracer.activeSpans.isEmpty }
            let caller = try span("caller")
            let request = try span("POST /runs")
            let sent = try #require(
                tracer.finishedSpans.first { $0.spanID == request.parentSpanID }, "the client's span")
            #expect(sent.parentSpanID == caller.spanID)
            #expect(sent.kind == .client && request.kind == .server)
            #expect(request.attributes.get("http.route") == .string("/runs"))
            #expect(request.attributes.get("http.response.status_code") == .int64(200))
            #expect(request.attributes.get("acp.run.id") == .string(run.id.rawValue))
            let created = try span("run echo")
            #expect(created.parentSpanID == request.spanID)
            #expect(try span("handler echo").parentSpanID == created.spanID)
            #expect(Set([caller, sent, request, created].map(\.traceID)).count == 1)
        }
    }

    @Test("The span of a stream ends with the stream, and the client's W3C trace is part of the context")
    func stream() async throws {
        try await withServer(configuration: tracing) { server in
            let response = try await server.post(
                "/runs", RunningServer.runJSON("echo", mode: .stream), headers: ["traceparent": Self.parent])
            #expect(response.status == 200)
            try await eventually("all spans have ended") { tracer.activeSpans.isEmpty }
            #expect(try span("POST /runs").context.traceContext?.traceID == Self.trace)
        }
    }

    @Test("Health checks and failed requests: the former have no spans, the latter end theirs")
    func otherRequests() async throws {
        try await withServer(configuration: tracing) { server in
            for path in ["/ping", "/healthz", "/readyz"] { _ = try await server.get(path) }
            #expect(tracer.finishedSpans.isEmpty)
            _ = try await server.get("/agents/nobody")
            _ = try await server.get("/nothing")
            #expect(tracer.finishedSpans.map(\.operationName) == ["GET /agents/{name}", "GET unmatched"])
            #expect(tracer.activeSpans.isEmpty)
        }
    }

    @Test("Without a tracer, the caller's trace is passed on to servers that a handler calls")
    func passedOn() async throws {
        let seen = Mutex<TraceContext?>(nil)
        try await withServer { server in
            let client = server.client
            try server.server.addAgent("looker") { _ in seen.withLock { $0 = ServiceContext.current?.traceContext } }
            try server.server.addAgent("relay") { context in
                _ = try await client.run(agent: "looker", input: context.input)
            }
            let response = try await server.post(
                "/runs", RunningServer.runJSON("relay"),
                headers: ["traceparent": Self.parent, "tracestate": "vendor=1"])
            let run = try response.decode(Run.self)
            #expect(run.status == .completed)
            #expect(run.trace == ["traceparent": .string(Self.parent), "tracestate": "vendor=1"])
            let plain = try await server.run("echo")
            #expect(try plain.decode(Run.self).trace == nil)
        }
        #expect(seen.withLock { $0 } == TraceContext(parent: Self.parent, state: "vendor=1"))
    }

    @Test("Log lines of requests and runs have the id of the trace")
    func logs() async throws {
        let log = JSONLog()
        try await withServer(configuration: .quick.with { $0.logsRequests = true }, logger: log.logger) { server in
            _ = try await server.post(
                "/runs", RunningServer.runJSON("failer"), headers: ["traceparent": Self.parent])
            let lines = log.lines.filter { $0["message"] == "request" || $0["message"] == "a run failed" }
            #expect(lines.count == 2)
            #expect(lines.allSatisfy { $0["trace_id"] == .string(Self.trace) })
        }
    }
}

extension ACPClient.Configuration {
    fileprivate func with(_ change: (inout Self) -> Void) -> Self {
        var configuration = self
        change(&configuration)
        return configuration
    }
}
