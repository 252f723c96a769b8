// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation

/// Serves a chat agent. The conversation is the session's history, so that it continues in the next run of the session, in
/// this process or in another one.
@main
struct Main {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let model = ChatModel(
            url: environment["MODEL_URL"] ?? "http://localhost:11434/v1",
            name: environment["MODEL_NAME"] ?? "llama3.2",
            apiKey: environment["MODEL_API_KEY"])
        let port = environment["PORT"].flatMap { Int($0) } ?? 8000

        let server = ACPServer(storage: MemoryStorage(), configuration: ServerConfiguration(port: port))
        try server.addAgent(
            "chat", description: "Talks with a language model", inputContentTypes: ["text/plain"],
            outputContentTypes: ["text/plain"]
        ) { context in
            let conversation = try await context.session.history() + context.input
            let messages = conversation.map { message in
                ChatModel.ChatMessage(role: message.role == .user ? "user" : "assistant", content: message.text)
            }
            // Each piece is an event: callers see the text grow. When a run is cancelled, the request to the model is, too.
            try await model.reply(to: messages) { text in try await context.yield(text) }
        }
        try await server.runService()
    }
}
