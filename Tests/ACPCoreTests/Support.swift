// SPDX-License-Identifier: Apache-2.0

import ACPCore
@_exported import ACPTestSupport
import Testing

/// Decodes JSON text.
func decode<Value: Decodable>(_ type: Value.Type = Value.self, _ json: String) throws(ACPError) -> Value {
    try ACPJSON.decode(type, from: Array(json.utf8))
}

/// Returns the JSON of a value as text.
func encode(_ value: some Encodable) throws -> String {
    String(decoding: try ACPJSON.encode(value), as: UTF8.self)
}

/// Returns the JSON of a value as a tree, to compare values regardless of the order of members.
func tree(_ value: some Encodable) throws -> JSONValue { try JSONValue(encoding: value) }

/// Encodes a value and decodes it again.
func roundTrip<Value: Codable>(_ value: Value) throws -> Value {
    try ACPJSON.decode(Value.self, from: ACPJSON.encode(value))
}

/// Returns the error of decoding a value.
func refusal<Value: Decodable>(_ type: Value.Type, _ json: String) -> ACPError? {
    do {
        _ = try decode(type, json)
        return nil
    } catch {
        return error
    }
}

/// A value with a name that represents it in a test's arguments.
struct Sample<Value: Sendable>: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let value: Value

    init(_ name: String, _ value: Value) {
        testDescription = name
        self.value = value
    }
}

/// Values that several tests share.
enum Fixture {
    static let runID: RunID = "44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10"
    static let sessionID: SessionID = "9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c"
    /// 2025-05-07T11:22:33.123456Z
    static let start = Timestamp(microseconds: 1_746_616_953_123_456)
    /// 2025-05-07T11:22:34Z
    static let end = Timestamp(microseconds: 1_746_616_954_000_000)

    static let part = MessagePart(
        name: "x.png", contentType: "image/png", content: "aGk=", contentEncoding: .base64,
        extra: ["priority": 3, "nested": ["a": [nil, true, 0.1]]])

    static let message = Message(
        role: .agent("echo"),
        parts: [
            .text("Hi"),
            part,
            MessagePart(
                contentURL: "https://example.com/a.txt",
                metadata: .citation(CitationMetadata(url: "https://example.com", startIndex: 0, endIndex: 4))),
            MessagePart(
                metadata: .trajectory(
                    TrajectoryMetadata(toolName: "search", toolInput: ["q": "swift"], toolOutput: ["hits": [1, 2.5]]))),
        ],
        createdAt: start, completedAt: end)

    static let openMessage = Message(role: .agent(nil), parts: [], createdAt: start, completedAt: nil)

    static let error = ACPError(.serverError, "no", data: ["retry": true])

    static func run(_ status: RunStatus = .created, output: [Message] = []) -> Run {
        Run(
            id: runID, agentName: "echo", sessionID: sessionID, status: status,
            awaitRequest: status == .awaiting ? .message(openMessage) : nil,
            output: output, error: status == .failed ? error : nil, createdAt: start,
            finishedAt: status.isTerminal ? end : nil)
    }

    static let manifest = AgentManifest(
        name: "echo", description: "Says it again", inputContentTypes: ["text/plain"], outputContentTypes: ["text/*"],
        metadata: AgentMetadata(
            annotations: ["ui": ["type": "chat", "tools": [["name": "a", "x": 1]]], "other": nil],
            documentation: "# Echo", license: "Apache-2.0", programmingLanguage: "Swift", naturalLanguages: ["en"],
            framework: "SimpleACP", capabilities: [AgentCapability(name: "Echo", description: "Repeats")],
            domains: ["tests"], tags: ["Chat"], createdAt: start, updatedAt: end,
            author: AgentMetadata.Person(name: "A", email: "a@example.com", url: "https://a.example"),
            contributors: [AgentMetadata.Person(name: "B")],
            links: [AgentLink(type: .homepage, url: "https://a.example")],
            dependencies: [AgentDependency(type: .tool, name: "weather")],
            recommendedModels: ["m"], extra: ["own": ["deep": 1]]),
        status: AgentStatus(averageRunTokens: 10, averageRunTimeSeconds: 0.5, successRate: 99.5))

    /// One event of each kind that ACP defines.
    static let events: [Event] = [
        .runCreated(run()), .runInProgress(run(.inProgress)), .runAwaiting(run(.awaiting)),
        .runCompleted(run(.completed, output: [message])), .runCancelled(run(.cancelled)), .runFailed(run(.failed)),
        .messageCreated(openMessage), .messagePart(part), .messageCompleted(message), .generic(["step": 3]),
        .error(error),
    ]
}
