// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import ServiceLifecycle
import Testing

@Suite("Deadlines of connections")
struct DeadlineTests {
    private static let configuration = ServerConfiguration.quick.with {
        $0.idleTimeout = .seconds(600)
        $0.connections.headTimeout = .seconds(2)
        $0.connections.bodyGrace = .milliseconds(200)
    }

    @Test(
        "A head that never ends gets 408, also on a connection that has been used",
        arguments: ["", rawRequest("GET /ping")])
    func slowHead(before: String) async throws {
        try await serving(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                if !before.isEmpty {
                    try await connection.send(before)
                    #expect(try await connection.readAnswer().status == 200)
                }
                try await connection.send("GET /ping HTTP/1.1\r\nHost: x\r\nX-Endless: ")
                let (status, head, body) = try await connection.readAnswer()
                #expect(status == 408 && head.contains("Connection: close\r\n"))
                #expect(try ACPJSON.decode(ACPError.self, from: body.utf8).code == .invalidInput)
                #expect(try await connection.readToEnd().isEmpty)
            }
        }
    }

    @Test("A connection that never sends anything is closed without a response")
    func silence() async throws {
        try await serving(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                let rest = try await connection.readToEnd()
                #expect(rest.isEmpty)
            }
        }
    }

    @Test(
        "A body that stops before its end gets 408, and nothing is started",
        arguments: ["Content-Length: 100", "Transfer-Encoding: chunked"])
    func slowBody(framing: String) async throws {
        try await serving(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", [framing]) + "4\r\n{")
                let (status, head, body) = try await connection.readAnswer()
                #expect(status == 408 && head.contains("Connection: close\r\n"))
                #expect(try ACPJSON.decode(ACPError.self, from: body.utf8).message.contains("slow"))
                #expect(try await connection.readToEnd().isEmpty)
            }
            #expect(try await serving.client.runs().total == 0)
        }
    }

    @Test("A body that is announced and not sent is not waited for without end, if nobody wants it either")
    func missingBody() async throws {
        let configuration = Self.configuration.with { $0.connections.drainTimeout = .milliseconds(200) }
        try await serving(configuration: configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("GET /ping", ["Content-Length: 100"]))
                #expect(try await connection.readAnswer().status == 200)
                _ = try? await connection.readToEnd()
            }
        }
    }

    @Test("A client that takes nothing of its stream is closed, and does not outlive the server")
    func stalledReader() async throws {
        let configuration = ServerConfiguration.quick.with {
            $0.closingGrace = .seconds(600)
            $0.connections.writeTimeout = .milliseconds(200)
        }
        try await serving(configuration: configuration, agents: { try $0.addFlood(3_000, of: 8_192) }) { serving in
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
