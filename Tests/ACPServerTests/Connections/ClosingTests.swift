// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import Testing

@Suite("Reused and closed connections")
struct ClosingTests {
    @Test(
        "A connection is closed after the response if the client asks for it in any form",
        arguments: [
            "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: CLOSE\r\n\r\n",
            "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Close\r\n\r\n",
            "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
            "GET /ping HTTP/1.0\r\n\r\n", "GET /ping HTTP/1.0\r\nConnection: close\r\n\r\n",
        ])
    func closed(request: String) async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(request)
                let answer = try await connection.readToEnd()
                #expect(answer.hasPrefix(request.contains("HTTP/1.0") ? "HTTP/1.0 200 OK" : "HTTP/1.1 200 OK"))
                #expect(answer.contains("Connection: close\r\n") && answer.hasSuffix("\r\n\r\n{}"), "\(answer)")
            }
        }
    }

    @Test("An HTTP/1.0 connection is kept if the client asks for it")
    func keptInHTTP10() async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                for path in ["/ping", "/nothing", "/agents"] {
                    try await connection.send("GET \(path) HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
                    let (_, head, _) = try await connection.readResponse()
                    #expect(head.contains("Connection: keep-alive\r\n"), "\(head)")
                }
            }
        }
    }

    @Test("A stream over HTTP/1.0 is not chunked, and ends with the connection", arguments: [false, true])
    func streamInHTTP10(isKept: Bool) async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                let body = RunningServer.runJSON("greeter", "Ada", mode: .stream)
                let connectionField = isKept ? "Connection: keep-alive\r\n" : ""
                try await connection.send(
                    "POST /runs HTTP/1.0\r\n\(connectionField)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                let answer = try await connection.readToEnd()
                #expect(answer.contains("Connection: close\r\n"))
                #expect(!answer.lowercased().contains("transfer-encoding"))
                #expect(answer.contains("\r\n\r\nid: 0\ndata: {"), "\(answer)")
                #expect(SentEvent.parse(answer).last?.kind == "run.completed")
                #expect(answer.hasSuffix("}\n\n"))
            }
        }
    }

    @Test("Requests after one that closes the connection are not served")
    func nothingBehind() async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                let run = rawRequest("POST /runs", body: RunningServer.runJSON("echo"))
                try await connection.send(rawRequest("GET /ping", ["Connection: close"]) + run)
                #expect(try await connection.readToEnd().components(separatedBy: "HTTP/1.1 ").count == 2)
            }
            #expect(try await serving.client.runs().total == 0)
        }
    }

    // MARK: - Early responses

    private static func small(_ drain: Duration) -> ServerConfiguration {
        .quick.with {
            $0.maximumBodySize = 10_000
            $0.connections.drainTimeout = drain
        }
    }

    @Test("A client that is still sending when it is rejected can continue and read the response")
    func earlyResponse() async throws {
        try await withServer(configuration: Self.small(.seconds(600))) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", ["Content-Length: 3000000"]))
                for _ in 0..<5 { try await connection.send(String(repeating: "x", count: 100_000)) }
                let (status, head, _) = try await connection.readResponse()
                #expect(status == 413 && head.contains("Connection: close\r\n"))
                #expect(try await connection.readToEnd().isEmpty)
            }
        }
    }

    @Test(
        "A client that never stops sending is disconnected after a time and a number of bytes",
        arguments: [Duration.milliseconds(50), .seconds(600)])
    func endlessBody(drain: Duration) async throws {
        try await withServer(configuration: Self.small(drain)) { serving in
            for head in ["Content-Length: 300000000", "Transfer-Encoding: chunked"] {
                try await RawConnection.open(serving.port) { connection in
                    try await connection.send(rawRequest("POST /runs", [head]))
                    let chunk = "186a0\r\n\(String(repeating: "x", count: 100_000))\r\n"
                    try await eventually("the end of the connection") {
                        do {
                            try await connection.send(chunk)
                            return false
                        } catch {
                            return true
                        }
                    }
                }
            }
            try await serving.expectStillServing()
        }
    }

    // MARK: - Requests that are no HTTP/1.1

    @Test(
        "A request without exactly one valid Host receives 400, after earlier responses",
        arguments: ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n"])
    func host(fields: String) async throws {
        try await withServer { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("GET /healthz") + "GET /ping HTTP/1.1\r\n\(fields)\r\n")
                #expect(try await connection.readResponse().status == 200)
                let (status, head, body) = try await connection.readResponse()
                #expect(status == 400 && head.contains("application/json") && head.contains("Date: "))
                #expect(try ACPJSON.decode(ACPError.self, from: body.utf8).message.contains("Host"))
                #expect(try await connection.readToEnd().isEmpty)
            }
            try await RawConnection.open(serving.port) { connection in
                try await connection.send("GET /ping HTTP/1.0\r\n\r\n")
                #expect(try await connection.readResponse().status == 200, "HTTP/1.0 does not need one")
            }
        }
    }
}
