// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/agents.md take for granted.
import ACPServer

var server: ACPServer { fatalError("never run") }
var message: Message { fatalError("never run") }
var png: [UInt8] { fatalError("never run") }
var sources: String { fatalError("never run") }

struct Model {
    func answer(_ input: [Message]) -> AsyncStream<String> { fatalError("never run") }
}

var model: Model { fatalError("never run") }
