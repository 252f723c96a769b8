// SPDX-License-Identifier: Apache-2.0

import A2AServer
import ACPServer

/// How the agents are served over A2A.
struct A2ASettings: SettingGroup {
    let isEnabled = Setting("a2a.enabled", flag: "a2a", default: true, help: "Serve the agents over A2A as well.")

    let defaultAgent = Setting<String?>(
        "a2a.defaultAgent", flag: "a2a-default-agent", valueName: "agent", otherwise: "the only agent",
        help: "The agent whose A2A card is also at the root of the server, /.well-known/agent-card.json."
    ) { (name: String) in AgentName(rawValue: name) == nil ? "must be an \(AgentName.rule)" : nil }

    let version03 = Setting(
        "a2a.version03", flag: "a2a-v03", default: false, help: "Also serve clients of A2A 0.3, over JSON-RPC.")

    func problems(in values: SettingValues) -> [SettingProblem] {
        guard !values[isEnabled] else { return [] }
        var without: [any SettingDefinition] = []
        if values[defaultAgent] != nil { without.append(defaultAgent) }
        if values[version03] { without.append(version03) }
        return without.map { setting in
            SettingProblem(
                [setting.key],
                "\(values.name(of: setting)) has no effect, since A2A is turned off by \(values.name(of: isEnabled)): remove one of them"
            )
        }
    }

    func apply(to server: ACPServer, _ values: SettingValues) throws {
        guard values[isEnabled] else { return }
        try server.addA2A(
            A2AConfiguration(
                defaultAgent: values[defaultAgent].flatMap(AgentName.init(rawValue:)),
                servesVersion03: values[version03]))
    }
}
