// SPDX-License-Identifier: Apache-2.0

import A2AServer
import ACPServer
import ArgumentParser

/// How the agents are served over A2A.
struct A2AServerOptions: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Serve the agents over A2A as well.")
    var a2a = true

    @Option(
        name: .customLong("a2a-default-agent"),
        help: """
            The agent whose A2A card is also at the root of the server, /.well-known/agent-card.json. (default: the only \
            agent)
            """)
    var defaultAgent: String?

    @Flag(name: .customLong("a2a-v03"), help: "Also serve clients of A2A 0.3, over JSON-RPC.")
    var servesVersion03 = false

    func validate() throws {
        guard a2a || (defaultAgent == nil && !servesVersion03) else {
            throw ValidationError("--a2a-default-agent and --a2a-v03 have no effect with --no-a2a.")
        }
        if let defaultAgent, AgentName(rawValue: defaultAgent) == nil {
            throw ValidationError("--a2a-default-agent must be an \(AgentName.rule).")
        }
    }

    func apply(to server: ACPServer) throws {
        guard a2a else { return }
        try server.addA2A(
            A2AConfiguration(
                defaultAgent: defaultAgent.flatMap(AgentName.init(rawValue:)), servesVersion03: servesVersion03))
    }
}
