// SPDX-License-Identifier: Apache-2.0

import ACPMetrics
import ACPServer
import AsyncHTTPClient
import NIOHTTP1
import Testing

/// Who sends a request.
enum TestCaller: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case nobody
    case wrong
    /// Has created everything.
    case owner
    /// The owner with a token that only reads.
    case reader
    case other
    case administrator

    var testDescription: String { rawValue }

    var headers: HTTPHeaders {
        switch self {
        case .nobody: [:]
        case .wrong: ["Authorization": "Bearer wrong-token"]
        case .owner: ["Authorization": "Bearer alice-token"]
        case .reader: ["Authorization": "Bearer alice-reads"]
        case .other: ["Authorization": "Bearer bob-token"]
        case .administrator: ["Authorization": "Bearer ops-token"]
        }
    }

    /// What the caller may do. `nil` without a credential that is accepted.
    var roles: Principal? {
        switch self {
        case .nobody, .wrong: nil
        case .owner: Principal(id: "alice")
        case .reader: Principal(id: "alice", roles: [.read])
        case .other: Principal(id: "bob")
        case .administrator: Principal(id: "ops", roles: [.administer])
        }
    }

    static let tokens = [
        AccessToken("alice", token: "alice-token"), AccessToken("alice", token: "alice-reads", roles: [.read]),
        AccessToken("bob", token: "bob-token"), AccessToken("ops", token: "ops-token", roles: [.administer]),
    ]
}

extension ServerConfiguration {
    /// Distinguishes the ``TestCaller``s.
    static func principals(isolation: Bool = true) throws -> ServerConfiguration {
        try .quick.with {
            $0.authentication = try .tokens(TestCaller.tokens)
            $0.isolation = isolation
            $0.metrics = MetricsEndpoint(PrometheusMetrics())
        }
    }
}

extension RunningServer {
    func send(
        _ method: HTTPMethod, _ path: String, _ json: String? = nil, as caller: TestCaller,
        headers: HTTPHeaders = [:]
    ) async throws -> ReceivedResponse {
        var headers = headers
        headers.add(contentsOf: caller.headers)
        return try await send(method, path, json.map { .bytes(Array($0.utf8)) }, headers: headers)
    }

    func run(
        _ agent: AgentName, _ text: String = "hi", session: SessionID? = nil, mode: RunMode = .sync,
        as caller: TestCaller, headers: HTTPHeaders = [:]
    ) async throws -> ReceivedResponse {
        try await send(
            .POST, "/runs", Self.sessionRunJSON(agent, text, session: session, mode: mode), as: caller,
            headers: headers)
    }

    static func sessionRunJSON(
        _ agent: AgentName, _ text: String = "hi", session: SessionID? = nil, mode: RunMode = .sync
    ) -> String {
        let named = session.map { #""session_id":"\#($0)","# } ?? ""
        return
            #"{"agent_name":"\#(agent)",\#(named)"mode":"\#(mode.rawValue)","input":[{"parts":[{"content":"\#(text)"}]}]}"#
    }

    /// Creates a run, and expects that this succeeds.
    func created(
        _ agent: AgentName, _ text: String = "hi", session: SessionID? = nil, as caller: TestCaller = .owner,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Run {
        let response = try await run(agent, text, session: session, as: caller)
        #expect(response.status == 200, "\(response.text)", sourceLocation: sourceLocation)
        return try response.decode(Run.self)
    }
}
