// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/sessions.md take for granted.
import ACPClient
import ACPServer

var server: ACPServer { fatalError("never run") }
var client: ACPClient { fatalError("never run") }
var other: ACPClient { fatalError("never run") }
var token: String { fatalError("never run") }
var secret: String { fatalError("never run") }
var previousSecret: String { fatalError("never run") }

var configuration: ServerConfiguration {
    get { fatalError("never run") }
    set {}
}
