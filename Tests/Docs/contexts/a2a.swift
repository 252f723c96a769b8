// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/a2a.md take for granted.
import A2ACore
import A2AServer
import ACPServer
import Crypto

var server: ACPServer { fatalError("never run") }
var key: SymmetricKey { fatalError("never run") }
var signer: A2A.AgentCardSigner { fatalError("never run") }
