// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import Foundation

/// Serves an agent that delegates its work to agents of another server, in any language.
@main
struct Supervisor {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let port = environment["PORT"].flatMap { Int($0) } ?? 9000
        let workers = try ACPClient(environment["WORKERS_URL"] ?? "http://127.0.0.1:8000")

        let server = ACPServer(storage: MemoryStorage(), configuration: ServerConfiguration(port: port))
        try server.addAgent("supervisor", description: "Has others do its work, and reports") { context in
            let task = context.input.first?.text ?? ""

            // Two workers at the same time. The second one is followed as it works, which is reported as progress.
            async let greeting = execute("greeter", task, on: workers, for: context)
            var slow = ""
            for try await item in try await workers.stream(agent: "slow", input: task) {
                guard case .messagePart(let part) = item.event, let text = part.text else { continue }
                slow += text
                try await context.yield(generic: ["slow": text])
            }
            try await context.yield("greeter: \(try await greeting)\nslow: \(slow)\n")

            // A worker's question becomes a question of this run, which its caller answers.
            let answer = try await execute("questioner", task, on: workers, for: context)
            try await context.yield("questioner: \(answer)")
        }
        try await server.runService()
        try await workers.close()
    }

    /// Executes a worker to its end and returns its output. Its questions are passed on to the caller of the supervisor.
    private static func execute(
        _ agent: AgentName, _ input: String, on workers: ACPClient, for context: RunContext
    ) async throws -> String {
        // A supervisor that is cancelled cancels its workers.
        let id = try await workers.start(agent: agent, input: input).id
        do {
            var run = try await workers.wait(for: id, until: .settled)
            while let question = run.awaitRequest?.message {
                let answer = try await context.awaitMessage(question)
                run = try await workers.resume(id, with: answer)
            }
            guard run.status == .completed else {
                throw ACPError("worker_failed", "\(agent) ended as \(run.status.rawValue): \(run.error?.message ?? "")")
            }
            return run.text
        } catch is CancellationError {
            // Unstructured, so that the cancellation of this task does not cancel the request. It ends with the client's timeout.
            _ = await Task { try? await workers.cancel(id) }.value
            throw CancellationError()
        }
    }
}
