// SPDX-License-Identifier: Apache-2.0

import BenchSupport
import Hummingbird
import Logging

/// The same request without ACP: a route that decodes the body of a run and encodes a response of the same shape with
/// the framework's own JSON coding.
@main
struct BareEcho {
    struct Part: Codable {
        var content_type: String?
        var content: String?
        var content_encoding: String?
    }

    struct Message: Codable {
        var role: String
        var parts: [Part]
        var created_at: String?
        var completed_at: String?
    }

    struct RunRequest: Codable {
        var agent_name: String
        var input: [Message]
        var mode: String?
    }

    struct Run: ResponseCodable {
        var run_id: String
        var agent_name: String
        var session_id: String
        var status: String
        var output: [Message]
        var created_at: String
        var finished_at: String
    }

    static func main() async throws {
        let router = Router()
        router.post("runs") { request, context in
            let body = try await request.decode(as: RunRequest.self, context: context)
            let output = body.input.map { message in
                Message(
                    role: "agent/\(body.agent_name)", parts: message.parts, created_at: "2026-01-01T00:00:00.000001Z",
                    completed_at: "2026-01-01T00:00:00.000002Z")
            }
            return Run(
                run_id: "6f1b7e0a-7f0b-4c86-9f4e-2f2b1f6d9d55", agent_name: body.agent_name,
                session_id: "0a0f3c1e-0d0b-4d53-8a4e-6c1e2b7d9f11", status: "completed", output: output,
                created_at: "2026-01-01T00:00:00.000001Z", finished_at: "2026-01-01T00:00:00.000003Z")
        }
        // Without the log line at the start, as the other server.
        var logger = Logger(label: "bare")
        logger.logLevel = .warning
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in announce(port: channel.localAddress?.port ?? 0) }, logger: logger)
        try await application.runService()
    }
}
