// SPDX-License-Identifier: Apache-2.0

import A2ACore
import A2AServer
import ACPCore
import ACPRuntime

/// The behaviors that the conformance kit of A2A requires. It chooses one by the prefix of a message's id.
enum ConformanceAgent {
    /// The behavior for a message, by the longest prefix of its id.
    private enum Behavior: String, CaseIterable {
        case completeTask = "tck-complete-task"
        case artifactText = "tck-artifact-text"
        case artifactFile = "tck-artifact-file"
        case artifactFileURL = "tck-artifact-file-url"
        case artifactData = "tck-artifact-data"
        case messageResponse = "tck-message-response"
        case inputRequired = "tck-input-required"
        case rejectTask = "tck-reject-task"
        case streamLifecycle = "tck-stream-001"
        case streamMessage = "tck-stream-002"
        case streamTask = "tck-stream-003"
        case streamOrdering = "tck-stream-ordering-001"
        case streamArtifactText = "tck-stream-artifact-text"
        case streamArtifactFile = "tck-stream-artifact-file"
        case streamArtifactChunked = "tck-stream-artifact-chunked"
        case resubscribe = "test-resubscribe-message-id"

        init?(messageID: String) {
            let matching = Self.allCases.filter { messageID.hasPrefix($0.rawValue) }
            guard let longest = matching.max(by: { $0.rawValue.count < $1.rawValue.count }) else { return nil }
            self = longest
        }
    }

    /// Handles a task: its first message, and after each question the message that answers it.
    static func run(_ context: RunContext) async throws {
        var id = context.a2aMessage?.id.rawValue ?? ""
        while let next = try await handle(id, context) { id = next }
    }

    /// - Returns: The id of the answer, if the behavior asks a question.
    private static func handle(_ id: String, _ context: RunContext) async throws -> String? {
        switch Behavior(messageID: id) {
        case .completeTask: try await context.finish(with: message("Hello from TCK"))
        case .artifactText: try await context.yield(artifact(.text("Generated text content")))
        case .artifactFile, .streamArtifactFile: try await context.yield(artifact(file))
        case .artifactFileURL:
            let url = A2A.Part.Content.url("https://example.com/output.txt")
            try await context.yield(artifact(A2A.Part(url, filename: "output.txt", mediaType: "text/plain")))
        case .artifactData:
            try await context.yield(artifact(A2A.Part(.data(["key": "value", "count": 42]))))
        case .messageResponse: try await context.reply(with: message("Direct message response"))
        case .inputRequired:
            return try await context.awaitMessage(message("More input is required.")).id.rawValue
        case .rejectTask: throw ACPError(.rejected, "rejected")
        case .streamLifecycle: try await context.yield(artifact(.text("Stream hello from TCK")))
        case .streamMessage: break
        case .streamTask: try await context.yield(artifact(.text("Stream task lifecycle")))
        case .streamOrdering: try await context.yield(artifact(.text("Ordered output")))
        case .streamArtifactText: try await context.yield(artifact(.text("Streamed text content")))
        case .streamArtifactChunked:
            try await context.yield(artifact(.text("chunk-1 ")), lastChunk: false)
            try await context.yield(artifact(.text("chunk-2")), append: true)
        // The kit subscribes in the meantime.
        case .resubscribe: try await Task.sleep(for: .seconds(4))
        case nil: try await context.finish(with: message("There is no behavior for the message id \(id)."))
        }
        return nil
    }

    private static let file = A2A.Part(.raw(Array("tck".utf8)), filename: "output.txt", mediaType: "text/plain")

    private static func message(_ text: String) -> A2A.Message {
        A2A.Message(role: .agent, parts: [.text(text)])
    }

    private static func artifact(_ part: A2A.Part) -> A2A.Artifact { A2A.Artifact(id: "result", parts: [part]) }
}
