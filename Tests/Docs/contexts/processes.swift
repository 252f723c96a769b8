// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/processes.md take for granted.
import ACPServer

var server: ACPServer { fatalError("never run") }

func audit(_ what: String) async {}

func book(_ day: String) async throws -> String { day }
