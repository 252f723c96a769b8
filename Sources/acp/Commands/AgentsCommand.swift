// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents",
        abstract: "Lists the agents of a server, or shows one of them.",
        discussion: """
            Examples:
              acp agents
              acp agents greeter
              acp agents --json | jq -r '.agents[].name'
            """
    )

    @OptionGroup var options: ClientOptions

    @Argument(help: "The agent to show. If omitted, all agents are listed.", transform: AgentName.argument)
    var name: AgentName?

    func run() async throws {
        try await options.call { client in
            if let name {
                let agent = try await client.fetchAgent(name)
                if options.json { try Console.print(document: agent) } else { try show(agent) }
            } else {
                let agents = try await client.agents()
                if options.json { return try Console.print(document: AgentsListResponse(agents: agents)) }
                guard !agents.isEmpty else { return Console.note("The server has no agents.") }
                var table = Table("NAME", "DESCRIPTION")
                for agent in agents { table.add(.init(agent.name.rawValue, .bold), .init(agent.description)) }
                try table.print()
            }
        }
    }

    private func show(_ agent: AgentManifest) throws {
        var lines = [Style.bold(agent.name.rawValue)]
        if !agent.description.isEmpty { lines.append(agent.description.printable) }
        lines.append("takes     \(agent.inputContentTypes.joined(separator: ", ").printable)")
        lines.append("produces  \(agent.outputContentTypes.joined(separator: ", ").printable)")
        let metadata = agent.metadata
        let details: [(String, String?)] = [
            ("author", metadata.author?.name), ("license", metadata.license), ("framework", metadata.framework),
            ("tags", metadata.tags?.joined(separator: ", ")), ("domains", metadata.domains?.joined(separator: ", ")),
        ]
        for case (let label, let value?) in details {
            lines.append(label.padded(to: 10) + value.printable)
        }
        for capability in metadata.capabilities ?? [] {
            lines.append("can       \(capability.name.printable): \(capability.description.printable)")
        }
        if let documentation = metadata.documentation { lines += ["", documentation.printable] }
        try Console.print(lines.joined(separator: "\n"))
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
