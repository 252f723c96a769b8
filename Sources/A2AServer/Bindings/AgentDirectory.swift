// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import Synchronization

/// An agent as it is offered over A2A.
final class ServedAgent: Sendable {
    let name: AgentName
    let tasks: TaskService
    /// What the agent's card declares.
    let capabilities: A2A.AgentCapabilities

    init(name: AgentName, tasks: TaskService, capabilities: A2A.AgentCapabilities) {
        self.name = name
        self.tasks = tasks
        self.capabilities = capabilities
    }
}

/// The agents of a server as they are offered over A2A. Agents are never removed from a server, so that they are
/// prepared once.
final class AgentDirectory: Sendable {
    private let engine: RunEngine
    private let configuration: A2AConfiguration
    private let cards: CardBuilder
    private let push: PushService?
    private let prepared = Mutex<[AgentName: ServedAgent]>([:])

    /// Whether clients of version 0.3 are served.
    var servesVersion03: Bool { configuration.servesVersion03 }

    init(engine: RunEngine, configuration: A2AConfiguration, cards: CardBuilder, push: PushService?) {
        self.engine = engine
        self.configuration = configuration
        self.cards = cards
        self.push = push
    }

    /// Returns the agent with a name, or `nil` if there is none.
    subscript(name: AgentName) -> ServedAgent? {
        if let agent = prepared.withLock({ $0[name] }) { return agent }
        guard let manifest = engine.agents[name]?.manifest else { return nil }
        let agent = ServedAgent(
            name: name, tasks: TaskService(engine: engine, agent: name, configuration: configuration, push: push),
            capabilities: cards.card(of: manifest, at: "http://localhost").capabilities)
        return prepared.withLock { prepared in
            if let other = prepared[name] { return other }
            prepared[name] = agent
            return agent
        }
    }

    /// Returns the agent that a path names.
    ///
    /// - Throws: ``A2AFailure``: 404.
    func require(_ text: String) throws(A2AFailure) -> ServedAgent {
        guard let agent = AgentName(rawValue: text).flatMap({ self[$0] }) else { throw .unknownAgent(text) }
        return agent
    }

    /// Returns the name of the agent whose card is at the root of the server.
    ///
    /// - Throws: ``A2AFailure``: 404 if there is none; the message names the remedy.
    func defaultAgent() throws(A2AFailure) -> AgentName {
        if let name = configuration.defaultAgent {
            guard engine.agents[name] != nil else {
                throw .noDefaultAgent("the default agent \(name) does not exist (A2AConfiguration.defaultAgent)")
            }
            return name
        }
        let manifests = engine.agents.manifests
        guard let only = manifests.first else { throw .noDefaultAgent("this server has no agents") }
        guard manifests.count == 1 else {
            throw .noDefaultAgent(
                "this server has several agents: get the card of one at /a2a/{agent}/\(Endpoint.cardPath), such as /a2a/\(only.name)/\(Endpoint.cardPath), or let the server's operator set A2AConfiguration.defaultAgent"
            )
        }
        return only.name
    }
}
