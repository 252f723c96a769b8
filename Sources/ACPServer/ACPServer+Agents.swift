// SPDX-License-Identifier: Apache-2.0

extension ACPServer: AgentContainer {
    /// Adds an agent to the server. Agents can be added while the server runs.
    ///
    /// - Throws: `RunEngineError` with code `duplicateAgent` if the server has an agent with this name.
    public func addAgent(_ agent: some Agent) throws(RunEngineError) {
        try agents.addAgent(agent)
    }
}
