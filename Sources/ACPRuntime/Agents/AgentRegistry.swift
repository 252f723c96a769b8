// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// The agents of a server, in the order in which they were added.
public final class AgentRegistry: AgentContainer {
    private struct State {
        var agents: [AgentName: any Agent] = [:]
        var order: [AgentName] = []
    }

    private let state = Mutex(State())

    /// Creates an empty registry.
    public init() {}

    /// Adds an agent.
    ///
    /// - Parameter agent: The agent.
    /// - Throws: ``RunEngineError`` with code `duplicateAgent` if another agent has the same name. The registry is
    ///   unchanged in that case.
    public func addAgent(_ agent: some Agent) throws(RunEngineError) {
        let name = agent.manifest.name
        let isNew = state.withLock { state in
            guard state.agents[name] == nil else { return false }
            state.agents[name] = agent
            state.order.append(name)
            return true
        }
        guard isNew else { throw .duplicateAgent(name) }
    }

    /// Returns the agent with a name, or `nil` if there is none.
    public subscript(name: AgentName) -> (any Agent)? { state.withLock { $0.agents[name] } }

    /// The manifests of all agents, in the order in which the agents were added.
    public var manifests: [AgentManifest] {
        state.withLock { state in state.order.compactMap { state.agents[$0]?.manifest } }
    }
}
