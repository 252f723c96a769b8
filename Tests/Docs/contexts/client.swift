// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/client.md take for granted.
import ACPClient
import ACPCore

var client: ACPClient { fatalError("never run") }
var other: ACPClient { fatalError("never run") }
var session: ClientSession { fatalError("never run") }
var token: String { fatalError("never run") }
