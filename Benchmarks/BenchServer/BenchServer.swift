// SPDX-License-Identifier: Apache-2.0

import A2AServer
import ACPServer
import BenchSupport
import Logging

/// A server of ACP and A2A with its default configuration, and agents that do almost nothing, to be put under load.
///
/// `BenchServer STORAGE [PORT] [SUBJECT…]`, where a storage is memory, sqlite:PATH, redis://… or postgresql://…. The port
/// defaults to a free one. The subjects are what servers in production have, each off by default: `principals` (named
/// tokens and isolation; ``token`` is one), `metrics`, and `log` (a line of JSON for each request on the standard error).
@main
struct BenchServer {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let subjects = Set(arguments.dropFirst(2))
        var logger =
            subjects.contains("log")
            ? Logger(label: "bench") { JSONLogHandler.standardError(label: $0) } : Logger(label: "bench")
        logger.logLevel = .warning
        let storage = try openStorage(arguments.first ?? "memory")
        // More connections than the default on a small machine: memory is measured with thousands of followers.
        var configuration = ServerConfiguration(
            port: arguments.dropFirst().first.flatMap { Int($0) } ?? 0,
            connections: ConnectionConfiguration(maximumCount: 100_000))
        if subjects.contains("principals") {
            let tokens = (0..<20).map { AccessToken("other", token: "another-token-\($0)") }
            configuration.authentication = try .tokens(tokens + [AccessToken("bench", token: benchToken)])
            configuration.isolation = true
        }
        if subjects.contains("metrics") { configuration.metrics = MetricsEndpoint(PrometheusMetrics()) }
        configuration.logsRequests = subjects.contains("log")
        let server = ACPServer(storage: storage, configuration: configuration, logger: logger)
        try server.addAgents()
        try server.addA2A()
        try await server.runService { announce(port: $0) }
        try await storage.close()
    }
}

extension ACPServer {
    fileprivate func addAgents() throws {
        try addAgent("echo") { context in
            for message in context.input { try await context.yield(message) }
        }
        // The input is the number of parts, the bytes of each, and the milliseconds between them; only the first is required.
        try addAgent("parts") { context in
            let (size, pause) = (number(1, context), number(2, context))
            for number in 0..<count(context) {
                let text = part(number)
                let rest = String(repeating: "x", count: max(0, (size ?? 0) - text.utf8.count))
                try await context.yield(MessagePart.text(text + rest))
                if let pause { try await Task.sleep(for: .milliseconds(pause)) }
            }
        }
        try addAgent("messages") { context in
            for number in 0..<count(context) { try await context.yield(Message(part(number))) }
        }
        // No output until it is cancelled.
        try addAgent("silent") { _ in try await Task.sleep(for: .seconds(86_400)) }
        try addAgent("asker") { context in
            let answer = try await context.awaitMessage("What is your name?")
            return answer.text
        }
    }
}

/// Returns one of the numbers of which the input consists.
private func number(_ place: Int, _ context: RunContext) -> Int? {
    let words = (context.input.first?.text ?? "").split(separator: " ")
    return words.indices.contains(place) ? Int(words[place]) : nil
}

private func count(_ context: RunContext) -> Int { number(0, context) ?? 10 }

private func part(_ number: Int) -> String { "This is part \(number) of a message of usual length." }
