// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import ServiceLifecycle
import Testing

@Suite("Timeouts of connections")
struct DeadlineTests {
    private static let configuration = ServerConfiguration.quick.with {
        $0.idleTimeout = .seconds(600)
        $0.connections.headTimeout = .seconds(2)
        $0.connections.bodyGrace = .milliseconds(200)
    }

    @Test(
        "A head that does not end receives 408, also on a reused connection",
        arguments: ["", rawRequest("GET /ping")])
    func slowHead(before: String) async throws {
        try await withServer(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                if !before.isEmpty {
                    try await connection.send(before)
                    #expect(try await connection.readResponse().status == 200)
                }
                try await connection.send("GET /ping HTTP/1.1\r\nHost: x\r\nX-Endless: ")
                let (status, head, body) = try await connection.readResponse()
                #expect(status == 408 && head.contains("Connection: close\r\n"))
                #expect(try ACPJSON.decode(ACPError.self, from: body.utf8).code == .invalidInput)
                #expect(try await connection.readToEnd().isEmpty)
            }
        }
    }

    @Test("A connection that sends nothing is closed without a response")
    func silence() async throws {
        try await withServer(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                let rest = try await connection.readToEnd()
                #expect(rest.isEmpty)
            }
        }
    }

    @Test(
        "A body that stops before its end receives 408, and no run is started",
        arguments: ["Content-Length: 100", "Transfer-Encoding: chunked"])
    func slowBody(framing: String) async throws {
        try await withServer(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", [framing]) + "4\r\n{")
                let (status, head, body) = try await connection.readResponse()
                #expect(status == 408 && head.contains("Connection: close\r\n"))
                #expect(try ACPJSON.decode(ACPError.self, from: body.utf8).message.contains("slow"))
                #expect(try await connection.readToEnd().isEmpty)
            }
            #expect(try await serving.client.runs().total == 0)
        }
    }

    @Test("An announced body that is not sent and not read is waited for only for a limited time")
    func missingBody() async throws {
        let configuration = Self.configuration.with { $0.connections.drainTimeout = .milliseconds(200) }
        try await withServer(configuration: configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("GET /ping", ["Content-Length: 100"]))
                #expect(try await connection.readResponse().status == 200)
                _ = try? await connection.readToEnd()
            }
        }
    }

    @Test("A client that does not read its stream is disconnected, and does not delay a shutdown")
    func stalledReader() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.closingGrace = .seconds(600)
            $0.connections.writeTimeout = .milliseconds(200)
        }
        try await withServer(configuration: configuration, agents: { try $0.addFlood(3_000, of: 8_192) }) { serving in
            let run = try await serving.client.run(agent: "flood", input: "x").id
            try await RawConnection.open(serving.port, receiveBuffer: 65_536) { connection in
                try await connection.send(rawRequest("GET /runs/\(run)/events", ["Accept: text/event-stream"]))
                _ = try await connection.read(until: "run.created")
                await serving.group.triggerGracefulShutdown()
                try await serving.end.wait()
            }
        }
    }
}
