// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/server.md take for granted.
import ACPServer
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

var server: ACPServer { fatalError("never run") }
var database: any Service { fatalError("never run") }
var storage: any Storage { fatalError("never run") }
var logger: Logger { fatalError("never run") }
var secret: String { fatalError("never run") }
var nextSecret: String { fatalError("never run") }
var sources: String { fatalError("never run") }

struct Model {
    func answer(_ input: [Message]) -> AsyncStream<String> { fatalError("never run") }
}

var model: Model { fatalError("never run") }

func metrics() async throws -> String { "" }
