// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Logging

/// An ACP server with the agent `echo` on memory storage, to be put under load.
@main
struct EchoServer {
    static func main() async throws {
        let server = ACPServer(
            storage: MemoryStorage(), configuration: ServerConfiguration(), logger: Logger(label: "bench"))
        server.agent("echo") { context in
            for message in context.input { try await context.yield(message) }
        }
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8001
        try await server.run(port: port)
    }
}
