// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import NIOHTTP1
import Testing

@Suite("Limits of callers")
struct CallerLimitTests {
    /// A rate that adds no token during a test.
    private static let slow = 0.001

    @Test("A caller that sends too many requests receives 429 with Retry-After, and health checks are served")
    func requests() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.callers = CallerLimits(requestsPerSecond: Self.slow, requestBurst: 3)
            $0.browsers.allowedOrigins = ["https://app.example.com"]
        }
        try await withServer(configuration: configuration) { serving async throws in
            for _ in 0..<3 { #expect(try await serving.get("/agents").status == 200) }
            for method in [HTTPMethod.GET, .POST, .DELETE] {
                let answer = try await serving.send(method, "/runs/x", headers: ["Origin": "https://app.example.com"])
                try answer.expectError(429, .unavailable)
                let seconds = try #require(answer.headers.first(name: "Retry-After").flatMap { Int($0) })
                #expect((1...1_000).contains(seconds))
                #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == "https://app.example.com")
            }
            #expect(try await serving.get("/nowhere").status == 429)
            for path in ["/ping", "/healthz", "/readyz"] { #expect(try await serving.get(path).status == 200) }
        }
    }

    @Test("Accepted credentials are callers of their own; those that are not accepted count for the address")
    func credentials() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.authentication = .bearer("one", "two")
            $0.callers = CallerLimits(requestsPerSecond: Self.slow, requestBurst: 2)
        }
        try await withServer(configuration: configuration) { serving async throws in
            func status(_ token: String?) async throws -> Int {
                try await serving.get("/agents", headers: token.map { ["Authorization": "Bearer \($0)"] } ?? [:]).status
            }
            #expect(try await status("wrong") == 401)
            #expect(try await status("another") == 401)
            #expect(try await status("third") == 429, "invented tokens do not avoid the limit")
            #expect(try await status(nil) == 429)
            for token in ["one", "two"] {
                for expected in [200, 200, 429] { #expect(try await status(token) == expected, "\(token)") }
            }
        }
    }

    @Test("Callers behind a trusted proxy are told apart by the address that it reports")
    func proxies() async throws {
        let configuration = try ServerConfiguration.quick.with {
            $0.trustedProxies = try TrustedProxies(["127.0.0.1"])
            $0.callers = CallerLimits(requestsPerSecond: Self.slow, requestBurst: 1)
        }
        try await withServer(configuration: configuration) { serving async throws in
            for (address, status) in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.1", 429)] {
                let headers: HTTPHeaders = ["X-Forwarded-For": "198.51.100.\(status), \(address)"]
                #expect(try await serving.get("/agents", headers: headers).status == status)
            }
        }
    }

    @Test("A caller can have a limited number of streams at the same time, and its runs continue without one")
    func streams() async throws {
        let isOpen = Signal<Void>()
        let configuration = ServerConfiguration.quick.with { $0.callers = CallerLimits(maximumStreams: 2) }
        try await withServer(
            configuration: configuration,
            agents: { server in
                try server.addExamples()
                try server.addAgent("gate") { _ in
                    try await isOpen.wait()
                    return "done"
                }
            }
        ) { serving async throws in
            let run = try await serving.client.start(agent: "gate", input: "x").id
            let arrived = [Signal<Void>(), Signal<Void>()]
            let streams = arrived.map { signal in
                Task { try await serving.follow(run, until: "run.in-progress", signal).count }
            }
            for signal in arrived { try await signal.wait() }
            let followed = try await serving.get("/runs/\(run)/events", headers: ["Accept": "text/event-stream"])
            try followed.expectError(429, .unavailable)
            let started = try await serving.run("echo", mode: .stream)
            try started.expectError(429, .unavailable)
            let id = try #require(started.headers.first(name: "Run-ID"))
            #expect(try await serving.get("/runs/\(id)").status == 200, "the run exists")
            #expect(try await serving.run("echo").status == 200)
            isOpen.send()
            for stream in streams { #expect(try await stream.value > 2) }
            try await eventually("room for a stream") { try await serving.run("echo", mode: .stream).status == 200 }
        }
    }

    @Test("A stream ends after its maximum size, and a client that reconnects receives all events")
    func streamSize() async throws {
        // Several batches of events.
        let (count, size) = (400, 4_096)
        let configuration = ServerConfiguration.quick.with {
            $0.callers = CallerLimits(maximumStreamBytes: 65_536)
        }
        try await withServer(configuration: configuration, agents: { try $0.addFlood(count, of: size) }) {
            serving async throws in
            let run = try await serving.client.run(agent: "flood", input: "x").id
            let first = try await serving.events("/runs/\(run)/events")
            #expect(first.count >= 1 && first.last?.kind != "run.completed")
            var events = first
            while events.last?.kind != "run.completed" {
                events += try await serving.events("/runs/\(run)/events", after: events.last?.id)
            }
            #expect(events.map(\.id) == Array(0..<(count + 3)))
            // The client does the same by itself.
            let stream = try await serving.client.stream(agent: "flood", input: "x")
            #expect(try await stream.reduce(into: 0) { count, _ in count += 1 } == count + 3)
        }
    }
}
