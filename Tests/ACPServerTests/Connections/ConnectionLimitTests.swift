// SPDX-License-Identifier: Apache-2.0

import ACPClient
import Foundation
import Logging
import NIOHTTP1
import Testing

@testable import ACPServer

@Suite("The limit of connections")
struct ConnectionLimitTests {
    private static func configuration(reserve: Int) -> ServerConfiguration {
        .quick.with {
            $0.connections.maximumCount = 2
            $0.connections.reserve = reserve
        }
    }

    /// Runs the body while as many connections are open as are served.
    private func full(
        _ serving: RunningServer, _ body: (inout RawConnection) async throws -> Void
    ) async throws {
        try await RawConnection.open(serving.port) { first in
            try await RawConnection.open(serving.port) { second in
                for _ in 0..<2 {
                    try await first.send(rawRequest("GET /ping"))
                    #expect(try await first.readResponse().status == 200)
                    try await second.send(rawRequest("GET /ping"))
                    #expect(try await second.readResponse().status == 200)
                }
                try await body(&second)
            }
        }
    }

    @Test("Beyond the limit only health checks are served, and other requests receive 503")
    func reserve() async throws {
        let log = Log()
        try await withServer(configuration: Self.configuration(reserve: 4), logger: log.logger) { serving in
            try await full(serving) { inside in
                for (path, status) in [("/healthz", 200), ("/agents", 503), ("/readyz?x", 200), ("/ping", 200)] {
                    try await RawConnection.open(serving.port) { connection in
                        try await connection.send(rawRequest("GET \(path)"))
                        let answer = try await connection.readResponse()
                        #expect(answer.status == status && answer.head.contains("Connection: close\r\n"))
                        if status == 503 {
                            #expect(answer.head.contains("Retry-After: 1\r\n"))
                            #expect(try ACPJSON.decode(ACPError.self, from: answer.body.utf8).code == .unavailable)
                        }
                        #expect(try await connection.readToEnd().isEmpty)
                    }
                }
                try await inside.send(rawRequest("GET /agents"))
                #expect(try await inside.readResponse().status == 200, "those that are inside are served as always")
            }
            try await eventually("room") { try await serving.get("/agents").status == 200 }
        }
        #expect(log.text.components(separatedBy: "limit of connections").count == 2, "one warning: \(log.text)")
    }

    @Test("Beyond the reserve a connection receives 503 at once")
    func refused() async throws {
        try await withServer(configuration: Self.configuration(reserve: 0)) { serving in
            try await full(serving) { _ in
                try await RawConnection.open(serving.port) { connection in
                    let answer = try await connection.readResponse()
                    let rest = try await connection.readToEnd()
                    #expect(answer.status == 503 && rest.isEmpty)
                }
            }
            try await eventually("room") { try await serving.get("/agents").status == 200 }
        }
    }

    @Test("Opened and closed connections are counted")
    func counts() {
        let limit = ConnectionLimit(maximum: 2, reserve: 1, logger: .silent)
        #expect((0..<3).map { _ in limit.admit() } == [.full, .full, .healthOnly])
        #expect((0..<9).map { _ in limit.admit() } == Array(repeating: .rejected, count: 8) + [.dropped])
        for _ in 0..<11 { limit.release() }
        #expect(limit.count == 1)
        #expect(limit.admit() == .full)
        #expect(limit.admit() == .healthOnly)
    }
}
