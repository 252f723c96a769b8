// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/authentication.md take for granted.
import ACPJWT
import ACPServer
import HTTPTypes

struct Database: Sendable {
    func owner(of key: String) async throws -> PrincipalID? { fatalError("never run") }
}

var database: Database { fatalError("never run") }
var server: ACPServer { fatalError("never run") }
var secret: String { fatalError("never run") }
var nextSecret: String { fatalError("never run") }
var otherSecret: String { fatalError("never run") }
var configuration: ServerConfiguration {
    get { fatalError("never run") }
    set { fatalError("never run") }
}
