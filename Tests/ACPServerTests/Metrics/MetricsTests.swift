// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPMetrics
import ACPServer
import NIOHTTP1
import Testing

@Suite("Metrics", .timeLimit(.minutes(5)))
struct MetricsTests {
    let metrics = PrometheusMetrics()

    private var exporting: ServerConfiguration {
        .quick.with { $0.metrics = MetricsEndpoint(metrics) }
    }

    @Test("/metrics has the requests, runs and events of the traffic before it")
    func export() async throws {
        try await withServer(configuration: exporting) { server in
            for _ in 0..<3 { _ = try await server.client.run(agent: "echo", input: "hello") }
            _ = try await server.run("failer")
            _ = try await server.get("/agents/nobody")
            let response = try await server.get("/metrics")
            #expect(response.status == 200)
            #expect(response.headers.first(name: "Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            let samples = MetricSamples(response.text)
            #expect(samples[#"acp_http_requests_total{method="POST",route="/runs",status="200"}"#] == 4)
            #expect(samples[#"acp_http_requests_total{method="GET",route="/agents/{name}",status="404"}"#] == 1)
            #expect(samples[#"acp_http_request_duration_seconds_count{method="POST",route="/runs"}"#] == 4)
            #expect(samples[#"acp_runs_ended_total{agent="echo",outcome="completed"}"#] == 3)
            #expect(samples[#"acp_runs_ended_total{agent="failer",outcome="failed"}"#] == 1)
            #expect(samples["acp_runs_active"] == 0)
            #expect(try #require(samples["acp_events_total"]) >= 4 * 3)
            #expect(try #require(samples["acp_http_connections"]) >= 1)
            let next = MetricSamples(try await server.get("/metrics").text)
            #expect(next[#"acp_http_requests_total{method="GET",route="/metrics",status="200"}"#] == 1)
        }
    }

    @Test("Paths without a route and unknown methods have one label each")
    func boundedLabels() async throws {
        try await withServer(configuration: exporting) { server in
            for path in ["/a", "/b/c", "/runs/x/y/z", "/%2e%2e/etc"] { _ = try await server.get(path) }
            _ = try await server.send(.RAW(value: "MKCOL"), "/runs")
            _ = try await server.send(.PUT, "/runs")
            let requests = MetricSamples(try await server.get("/metrics").text).all("acp_http_requests_total")
            #expect(requests[#"method="GET",route="unmatched",status="404""#] == 4)
            #expect(requests[#"method="PUT",route="unmatched",status="405""#] == 1)
            #expect(requests.keys.allSatisfy { !$0.contains("MKCOL") && !$0.contains("etc") }, "\(requests)")
        }
    }

    @Test("Event streams are counted while clients follow them")
    func streams() async throws {
        try await withServer(configuration: exporting) { server in
            let run = try await server.client.start(agent: "questioner", input: "hi")
            try await RawConnection.open(server.port) { connection in
                try await connection.send(
                    rawRequest("GET /runs/\(run.id)/events", ["Accept: text/event-stream", "Connection: close"]))
                _ = try await connection.read(until: #""run.awaiting""#)
                let samples = MetricSamples(try await server.get("/metrics").text)
                #expect(samples["acp_event_streams"] == 1)
                #expect(samples["acp_runs_awaiting"] == 1)
            }
            _ = try await server.client.cancel(run.id)
            try await eventually("the stream has ended") {
                MetricSamples(try await server.get("/metrics").text)["acp_event_streams"] == 0
            }
        }
    }

    @Test("On the server's port, /metrics requires the server's authentication")
    func authentication() async throws {
        let configuration = exporting.with { $0.authentication = .bearer("secret") }
        try await withServer(configuration: configuration, token: "secret") { server in
            try await server.get("/metrics").expectError(401, .unauthorized)
            #expect(try await server.get("/metrics", headers: ["Authorization": "Bearer secret"]).status == 200)
        }
    }

    @Test("A port of its own has only /metrics, without authentication, and the server's port has none")
    func ownPort() async throws {
        let port = Signal<Int>()
        let configuration = exporting.with {
            $0.authentication = .bearer("secret")
            $0.metrics?.port = 0
            $0.metrics?.onListening = { port.send($0) }
        }
        try await withServer(configuration: configuration, token: "secret") { server in
            _ = try await server.client.run(agent: "echo", input: "hello")
            let metricsServer = RunningServer(
                server: server.server, port: try await port.wait(), group: server.group, client: server.client,
                end: server.end)
            let response = try await metricsServer.get("/metrics")
            #expect(response.status == 200)
            let samples = MetricSamples(response.text)
            #expect(samples[#"acp_runs_ended_total{agent="echo",outcome="completed"}"#] == 1)
            #expect(try await metricsServer.get("/agents").status == 404)
            #expect(try await server.get("/metrics", headers: ["Authorization": "Bearer secret"]).status == 404)
        }
    }

    @Test("A port of its own that is in use is named in the error")
    func portInUse() async throws {
        try await withServer { other in
            let configuration = ServerConfiguration.quick.with {
                $0.metrics = MetricsEndpoint(metrics, port: other.port)
            }
            let server = ACPServer(storage: MemoryStorage(), configuration: configuration, logger: .silent)
            let error = await #expect(throws: ServerError.self) { try await server.runService() }
            #expect(error?.code == .cannotListen)
            #expect(error?.description.contains("\(other.port)") == true, "\(String(describing: error))")
        }
    }

    @Test("A port that is no port is refused")
    func invalidPort() {
        let configuration = ServerConfiguration.quick.with { $0.metrics = MetricsEndpoint(metrics, port: 70_000) }
        #expect(throws: ServerError.self) { try configuration.validate() }
    }

    @Test("Without a configuration there is no /metrics")
    func off() async throws {
        try await withServer { server in
            _ = try await server.get("/metrics").expectError(404, .notFound)
        }
    }

    @Test("Requests that a connection rejects are counted by status")
    func rejections() async throws {
        try await withServer(configuration: exporting) { server in
            try await RawConnection.open(server.port) { connection in
                try await connection.send("GET /ping HTTP/1.1\r\n\r\n")
                #expect(try await connection.readResponse().status == 400, "there is no Host")
            }
            let samples = MetricSamples(try await server.get("/metrics").text)
            #expect(samples[#"acp_http_rejections_total{status="400"}"#] == 1)
        }
    }
}
