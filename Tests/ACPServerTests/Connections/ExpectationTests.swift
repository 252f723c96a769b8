// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation
import Testing

@Suite("Expect: 100-continue")
struct ExpectationTests {
    private static let configuration = ServerConfiguration.quick.with {
        $0.maximumBodySize = 10_000
        $0.authentication = .bearer("t")
    }
    private static let token = "Authorization: Bearer t"

    @Test("A client that waits for 100 receives it, and then the response", arguments: [false, true])
    func isMet(isChunked: Bool) async throws {
        try await withServer(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                let body = RunningServer.runJSON("echo", "expected")
                for _ in 0..<2 {
                    let length =
                        isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.utf8.count)"
                    try await connection.send(rawRequest("POST /runs", [Self.token, "Expect: 100-Continue", length]))
                    #expect(try await connection.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                    let chunk = String(body.utf8.count, radix: 16) + "\r\n\(body)\r\n0\r\n\r\n"
                    try await connection.send(isChunked ? chunk : body)
                    let (status, _, answer) = try await connection.readResponse()
                    #expect(status == 200 && answer.contains("expected"))
                }
            }
        }
    }

    @Test(
        "A request that is rejected for its head receives the final status instead of 100",
        arguments: [
            (413, "POST /runs", [token, "Content-Length: 10001"]), (401, "POST /runs", ["Content-Length: 10"]),
            (404, "POST /nothing", [token, "Content-Length: 10"]), (405, "PUT /runs", [token, "Content-Length: 10"]),
            (415, "POST /runs", [token, "Content-Length: 10", "Content-Encoding: gzip"]),
            (417, "POST /runs", [token, "Content-Length: 10", "Expect: a-miracle"]),
        ])
    func isRefused(status: Int, line: String, headers: [String]) async throws {
        try await withServer(configuration: Self.configuration) { serving in
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest(line, headers + ["Expect: 100-continue"]))
                let answer = try await connection.readResponse()
                #expect(answer.status == status)
                #expect(answer.head.contains("Connection: close\r\n"), "\(answer.head)")
                #expect(try ACPJSON.decode(ACPError.self, from: answer.body.utf8).message.isEmpty == false)
                #expect(try await connection.readToEnd().isEmpty)
            }
        }
    }

    @Test("A client that does not wait, or uses HTTP/1.0, receives no 100")
    func isNotAwaited() async throws {
        try await withServer { serving in
            let body = RunningServer.runJSON("echo", "at once")
            try await RawConnection.open(serving.port) { connection in
                try await connection.send(rawRequest("POST /runs", ["Expect: 100-continue"], body: body))
                #expect(try await connection.readResponse().status == 200)
                try await connection.send(rawRequest("GET /ping", ["Expect: 100-continue"]))
                #expect(try await connection.readResponse().status == 200, "there is no body to wait for")
            }
            try await RawConnection.open(serving.port) { connection in
                let head = "POST /runs HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                try await connection.send(head + body)
                #expect(try await connection.readResponse().status == 200)
            }
        }
    }
}
