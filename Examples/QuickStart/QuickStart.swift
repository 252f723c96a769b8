// SPDX-License-Identifier: Apache-2.0

// A server with four agents. Start it:  swift run QuickStart
// Call it:                              acp run greeter Ada
// or:                                   curl localhost:8000/runs -d '{"agent_name": "greeter", "input":
//                                         [{"role": "user", "parts": [{"content": "Ada"}]}]}'

import ACPServer

@main
struct QuickStart {
    static func main() async throws {
        let server = ACPServer(storage: MemoryStorage())

        try server.addAgent("echo", description: "Echoes everything") { context in
            for message in context.input { try await context.yield(message) }
        }
        try server.addAgent("greeter", description: "Greets its caller") { context in
            "Hello, \(context.input.first?.text ?? "World")!"
        }
        try server.addAgent("counter", description: "Counts its calls in a session") { context in
            let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            return "Count: \(count)"
        }
        try server.addAgent("questioner", description: "Asks before it answers") { context in
            let name = try await context.awaitMessage("What is your name?")
            return "Hello, \(name.text)!"
        }

        try await server.runService()
    }
}
