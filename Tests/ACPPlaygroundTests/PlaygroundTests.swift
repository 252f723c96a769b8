// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ACPStorage
import ACPTestSupport
import AsyncHTTPClient
import Foundation
import Hummingbird
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@testable import ACPPlayground

@Suite("The playground's routes")
struct PlaygroundTests {
    @Test("The page is compressed, revalidated, and protected by a strict policy")
    func page() async throws {
        try await withPlayground { server async throws in
            let first = try await server.get("/playground/", ["Accept-Encoding": "gzip, br"])
            #expect(first.status == .ok)
            #expect(first.headers.first(name: "Content-Type") == "text/html; charset=utf-8")
            #expect(first.headers.first(name: "Content-Encoding") == "gzip")
            #expect(first.headers.first(name: "Cache-Control") == "no-cache")
            #expect(first.headers.first(name: "Vary") == "Accept-Encoding")
            #expect(first.headers.first(name: "X-Content-Type-Options") == "nosniff")
            #expect(first.headers.first(name: "Referrer-Policy") == "no-referrer")
            let policy = try #require(first.headers.first(name: "Content-Security-Policy"))
            for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
                #expect(policy.split(separator: "; ").contains { $0 == rule })
            }
            #expect(!policy.contains("unsafe"))

            let tag = try #require(first.headers.first(name: "ETag"))
            let second = try await server.get("/playground/", ["If-None-Match": tag])
            #expect(second.status == .notModified)
            #expect(try await second.bytes().isEmpty)
            let plain = try await server.get("/playground/", ["Accept-Encoding": "gzip;q=0, identity"])
            #expect(plain.headers.first(name: "Content-Encoding") == nil)
            #expect(String(decoding: try await plain.bytes(), as: UTF8.self).hasPrefix("<!doctype html>"))
        }
    }

    @Test("The address without a slash leads to the page, relative to a proxy's folder")
    func redirection() async throws {
        try await withPlayground { server async throws in
            let response = try await server.get("/playground")
            let redirection = try #require(response.history.first?.responseHead)
            #expect(redirection.status == .permanentRedirect)
            #expect(redirection.headers.first(name: "Location") == "playground/")
            #expect(response.status == .ok && response.url?.path() == "/playground/")
        }
    }

    @Test("Unknown files, and paths that lead out of the page, do not exist")
    func unknownFiles() async throws {
        try await withPlayground { server async throws in
            for path in ["nothing.js", "lib", "lib/", "../agents", "%2e%2e/agents", "MAIN.JS"] {
                #expect(try await server.get("/playground/" + path).status == .notFound, "\(path)")
            }
        }
    }

    @Test("The files require no token, figures of the server do")
    func access() async throws {
        let configuration = ServerConfiguration(port: 0, authentication: .bearer("secret-token"))
        let playground = PlaygroundConfiguration { ["storage": "Test", "file_bytes": 1024] }
        try await withPlayground(playground, configuration: configuration) { server async throws in
            #expect(try await server.get("/playground/").status == .ok)
            for path in ["server", "storage", "metrics"] {
                #expect(try await server.get("/playground/" + path).status == .unauthorized)
            }
            let credential = ["Authorization": "Bearer secret-token"]
            let description = try await server.get("/playground/server", credential)
            #expect(String(decoding: try await description.bytes(), as: UTF8.self).contains("\"has_metrics\":false"))
            let storage = try await server.get("/playground/storage", credential)
            #expect(
                String(decoding: try await storage.bytes(), as: UTF8.self)
                    == #"{"storage":"Test","file_bytes":1024}"#)
            #expect(try await server.get("/playground/metrics", credential).status == .notFound)
        }
    }

    @Test("Figures of the server are for administrators, and a run is for its principal")
    func principals() async throws {
        var configuration = ServerConfiguration(port: 0, isolation: true)
        configuration.authentication = try .tokens([
            AccessToken("alice", token: "token-of-alice"), AccessToken("bob", token: "token-of-bob", roles: [.read]),
            AccessToken("operator", token: "token-of-operator", roles: [.administer]),
        ])
        configuration.metrics = MetricsEndpoint(PrometheusMetrics())
        let storage = MemoryStorage()
        let run = Run(agentName: "echo", status: .completed, principal: "alice")
        try await storage.save(run)
        let playground = PlaygroundConfiguration { ["storage": "Test"] }
        let expected: [(token: String, statuses: [String: HTTPResponseStatus])] = [
            ("token-of-alice", ["server": .ok, "storage": .forbidden, "metrics": .forbidden, "runs/\(run.id)": .ok]),
            (
                "token-of-bob",
                ["server": .ok, "storage": .forbidden, "metrics": .forbidden, "runs/\(run.id)": .notFound]
            ),
            ("token-of-operator", ["server": .ok, "storage": .ok, "metrics": .ok, "runs/\(run.id)": .ok]),
            ("wrong", ["server": .unauthorized, "runs/\(run.id)": .unauthorized]),
        ]
        try await withPlayground(playground, configuration: configuration, storage: storage) { server async throws in
            for (token, statuses) in expected {
                for (path, status) in statuses {
                    let response = try await server.get("/playground/" + path, ["Authorization": "Bearer \(token)"])
                    #expect(response.status == status, "\(path) with \(token)")
                }
            }
        }
    }

    @Test("Metrics are shown also if they have a port of their own")
    func metrics() async throws {
        var configuration = ServerConfiguration(port: 0)
        configuration.metrics = MetricsEndpoint(PrometheusMetrics(), port: 0)
        try await withPlayground(configuration: configuration) { server async throws in
            let response = try await server.get("/playground/metrics")
            #expect(response.status == .ok)
            #expect(String(decoding: try await response.bytes(), as: UTF8.self).contains("acp_runs_active"))
        }
    }

    @Test("A server has one playground")
    func twice() throws {
        let server = ACPServer(storage: MemoryStorage())
        try server.addPlayground()
        #expect(throws: ServerError.self) { try server.addPlayground() }
    }

    @Test("Every file of the folder is part of the program, and its type is known")
    func files() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/CPlaygroundPage/Page").standardizedFileURL
        let names = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
            .filter { $0.contains(".") }
        #expect(Set(names) == Set(PageFile.all.keys))
        for (path, file) in PageFile.all {
            #expect(file.contentType != "application/octet-stream", "\(path)")
            let content = try Data(contentsOf: folder.appending(path: path))
            #expect(Array(file.body(acceptsGzip: false).bytes.readableBytesView) == Array(content), "\(path)")
        }
    }

    @Test("All files together are smaller than 100 KiB when compressed")
    func size() {
        let bytes = PageFile.all.values.reduce(0) { $0 + $1.body(acceptsGzip: true).bytes.readableBytes }
        #expect(bytes < 100 * 1024, "\(bytes) bytes")
        #expect(PageFile.all.values.allSatisfy { $0.body(acceptsGzip: true).isCompressed })
    }

    @Test(
        "gzip is used if the client accepts it",
        arguments: [
            ("gzip", true), ("GZIP", true), ("br, gzip;q=0.5", true), ("*", true), ("gzip;q=0", false),
            ("identity", false), ("", false), ("*;q=0", false), ("gzip;q=0, *", false), ("deflate,\tgzip", true),
        ])
    func encodings(header: String, isAccepted: Bool) {
        let request = Request(
            head: HTTPRequest(
                method: .get, scheme: "http", authority: "localhost", path: "/", headerFields: [.acceptEncoding: header]
            ),
            body: RequestBody(buffer: ByteBuffer()))
        #expect(request.acceptsGzip == isAccepted)
    }
}
