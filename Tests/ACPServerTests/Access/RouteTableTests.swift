// SPDX-License-Identifier: Apache-2.0

import ACPServer
import HTTPTypes
import Hummingbird
import NIOHTTP1
import Testing

/// Every route of the server with every kind of caller.
@Suite("Access to routes")
struct RouteTableTests {
    /// What a route requires, and what callers get.
    struct Row: Sendable, CustomTestStringConvertible {
        /// What is requested.
        enum Subject: Sendable { case server, completedRun, awaitingRun, session }
        /// What another principal gets if principals are isolated.
        enum Foreign: Sendable { case missing, own, same }

        let route: String
        let role: Principal.Role?
        let subject: Subject
        let foreign: Foreign
        let status: Int
        var body: String?

        var testDescription: String { route }
        var method: HTTPMethod { HTTPMethod(rawValue: String(route.prefix { $0 != " " })) }
        var template: String { String(route.drop { $0 != " " }.dropFirst()) }

        init(
            _ route: String, _ role: Principal.Role?, _ subject: Subject = .server, _ foreign: Foreign = .same,
            status: Int = 200, body: String? = nil
        ) {
            (self.route, self.role, self.subject, self.foreign) = (route, role, subject, foreign)
            (self.status, self.body) = (status, body)
        }
    }

    static let rows: [Row] = [
        Row("GET /ping", nil),
        Row("GET /healthz", nil),
        Row("GET /readyz", nil),
        Row("GET /agents", .read),
        Row("GET /agents/{name}", .read),
        Row("POST /runs", .call, .server, .own, body: RunningServer.runJSON("echo")),
        Row("GET /runs", .read, .completedRun, .own),
        Row("GET /runs/{run_id}", .read, .completedRun, .missing),
        Row(
            "POST /runs/{run_id}", .call, .awaitingRun, .missing,
            body: #"{"mode":"sync","await_resume":{"type":"message","message":{"parts":[{"content":"Ada"}]}}}"#),
        Row("DELETE /runs/{run_id}", .call, .completedRun, .missing, status: 204),
        Row("POST /runs/{run_id}/cancel", .call, .awaitingRun, .missing, status: 202),
        Row("GET /runs/{run_id}/events", .read, .completedRun, .missing),
        Row("GET /runs/{run_id}/contents/{digest}", .read, .completedRun, .missing),
        Row("GET /session/{session_id}", .read, .session, .missing),
        Row("GET /sessions/{session_id}", .read, .session, .missing),
        Row("DELETE /sessions/{session_id}", .call, .session, .missing, status: 204),
        Row("GET /sessions/{session_id}/history", .read, .session, .missing),
        Row("GET /sessions/{session_id}/history/{index}", .read, .session, .missing),
        Row("GET /sessions/{session_id}/state", .read, .session, .missing),
        Row("GET /processes", .administer),
        Row("GET /metrics", .administer),
    ]

    @Test("Each route of the server has a row in the table")
    func complete() throws {
        let server = ACPServer(storage: MemoryStorage(), configuration: try .principals(), logger: .silent)
        let routes = server.router().routes.map { "\($0.method.rawValue) \($0.path.description)" }
            .filter { !$0.hasPrefix("HEAD ") }
        #expect(Set(routes) == Set(Self.rows.map(\.route)))
        #expect(routes.count == Self.rows.count)
    }

    @Test("Each caller gets what its role allows", arguments: rows, [false, true])
    func access(row: Row, isolation: Bool) async throws {
        let configuration = try ServerConfiguration.principals(isolation: isolation)
        try await withServer(configuration: configuration, agents: { try $0.addExamples() }) { server async throws in
            for caller in TestCaller.allCases {
                let subject = try await Subject(row, server)
                let before = try await subject.stored(in: server)
                let response = try await server.send(row.method, subject.path, row.body, as: caller)
                let note = "\(row.route) as \(caller): \(response.text.prefix(300))"
                switch row.expected(caller, isolation) {
                case .unauthorized: try response.expectError(401, .unauthorized)
                case .forbidden: try response.expectError(403, .unauthorized)
                case .missing:
                    let missing = try await server.send(row.method, subject.missingPath, row.body, as: caller)
                    #expect(missing.status == 404 && response.status == 404, "\(note)")
                    #expect(response.text.replacing(subject.id, with: subject.missingID) == missing.text, "\(note)")
                    #expect(response.comparableHeaders == missing.comparableHeaders, "\(note)")
                case .success: #expect(response.status == row.status, "\(note)")
                case .successWithoutForeign:
                    #expect(response.status == row.status, "\(note)")
                    #expect(!response.text.contains(subject.id) || row.subject == .server, "\(note)")
                }
                if response.status >= 400 {
                    #expect(try await subject.stored(in: server) == before, "\(note): nothing has changed")
                }
            }
        }
    }

    @Test("HEAD is treated like GET", arguments: TestCaller.allCases)
    func head(caller: TestCaller) async throws {
        try await withServer(configuration: try .principals()) { server async throws in
            let run = try await server.created("echo").id
            for path in ["/runs/\(run)", "/agents", "/processes", "/sessions/none"] {
                let get = try await server.send(.GET, path, as: caller)
                let head = try await server.send(.HEAD, path, as: caller)
                #expect(head.status == get.status && head.body.isEmpty, "\(path)")
            }
        }
    }

    @Test("Routes can be made public, and health checks can require a credential")
    func publicRoutes() async throws {
        var configuration = try ServerConfiguration.principals()
        configuration.publicRoutes = .agents
        try await withServer(configuration: configuration) { server async throws in
            for path in ["/agents", "/agents/echo"] {
                for caller in [TestCaller.nobody, .wrong, .reader] {
                    #expect(try await server.send(.GET, path, as: caller).status == 200)
                }
            }
            for path in ["/ping", "/healthz", "/readyz", "/runs"] {
                #expect(try await server.send(.GET, path, as: .nobody).status == 401)
                #expect(try await server.send(.GET, path, as: .reader).status == 200)
            }
        }
        #expect(PublicRoutes.names.map(\.name) == ["ping", "healthz", "readyz", "agents", "cards"])
        #expect(PublicRoutes(name: "agents") == .agents && PublicRoutes(name: "runs") == nil)
    }
}

// MARK: - What is expected

extension RouteTableTests.Row {
    enum Expected { case unauthorized, forbidden, missing, success, successWithoutForeign }

    func expected(_ caller: TestCaller, _ isolation: Bool) -> Expected {
        guard let role else { return .success }
        guard let principal = caller.roles else { return .unauthorized }
        guard principal.can(role) else { return .forbidden }
        guard isolation, caller == .other else { return .success }
        switch foreign {
        case .missing: return .missing
        case .own: return .successWithoutForeign
        case .same: return .success
        }
    }
}

/// What the owner has created, and the paths to it and to what does not exist.
private struct Subject {
    let id: String
    let missingID: String
    let path: String
    let missingPath: String
    let run: RunID?
    let session: SessionID?

    init(_ row: RouteTableTests.Row, _ server: RunningServer) async throws {
        let created: Run? =
            switch row.subject {
            case .server: nil
            case .completedRun: try await server.created("echo", String(repeating: "x", count: 100_000))
            case .awaitingRun: try await server.created("questioner")
            case .session: try await server.created("counter", session: SessionID())
            }
        run = created?.id
        session = created?.sessionID
        id = (row.subject == .session ? session?.rawValue : run?.rawValue) ?? "nothing"
        missingID = UUIDText.random
        var digest = String(repeating: "0", count: 64)
        if let run {
            let list = try await server.send(.GET, "/runs?limit=1", as: .owner).text
            if let url = list.firstRange(of: "/runs/\(run)/contents/") {
                digest = String(list[url.upperBound...].prefix(64))
            }
        }
        func path(_ id: String) -> String {
            row.template.replacing("{name}", with: "echo").replacing("{run_id}", with: id)
                .replacing("{session_id}", with: id).replacing("{digest}", with: digest)
                .replacing("{index}", with: "0")
        }
        self.path = path(id)
        missingPath = path(missingID)
    }

    /// Everything that is stored of it.
    func stored(in server: RunningServer) async throws -> String {
        guard let run, let session else { return "" }
        let storage = server.server.engine.storage
        let record = try await storage.storedSession(session)
        let count = try await storage.eventCount(of: run)
        let signals = try await storage.coordination.signals(to: run).count
        let history = try await storage.history(of: session, from: 0, limit: nil).total
        return
            "\(String(describing: try await storage.run(run))) \(count) \(signals) \(history) \(String(describing: record))"
    }
}

private enum UUIDText {
    static var random: String { RunID().rawValue }
}

extension ReceivedResponse {
    /// The headers that do not depend on the time.
    fileprivate var comparableHeaders: [String: String] {
        Dictionary(headers.map { ($0.name.lowercased(), $0.value) }) { $0 + $1 }.filter { $0.key != "date" }
    }
}
