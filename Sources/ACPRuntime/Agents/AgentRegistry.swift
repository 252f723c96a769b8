// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// The agents that a server hosts, in the order in which they were added.
public final class AgentRegistry: Sendable {
    private struct State {
        var agents: [AgentName: any Agent] = [:]
        var order: [AgentName] = []
        var duplicates: [AgentName] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Adds an agent. Of two with the same name the first one stays, and ``duplicates`` tells.
    public func add(_ agent: some Agent) {
        let name = agent.manifest.name
        state.withLock { state in
            guard state.agents[name] == nil else { return state.duplicates.append(name) }
            state.agents[name] = agent
            state.order.append(name)
        }
    }

    /// The agent of that name, or nil.
    public subscript(name: AgentName) -> (any Agent)? { state.withLock { $0.agents[name] } }

    /// The manifests of all agents.
    public var manifests: [AgentManifest] {
        state.withLock { state in state.order.compactMap { state.agents[$0]?.manifest } }
    }

    /// Names under which more than one agent was added: a mistake that a server refuses to start with.
    public var duplicates: [AgentName] { state.withLock { $0.duplicates } }
}

// MARK: - Agents from closures

extension AgentRegistry {
    /// Adds an agent that says what it has to say by ``RunContext/yield(_:)-(String)``.
    ///
    /// - Parameters:
    ///   - name: The name under which the agent is called.
    ///   - description: What the agent does, for people.
    ///   - inputContentTypes: The MIME types it takes.
    ///   - outputContentTypes: The MIME types it produces.
    ///   - metadata: Anything else that is known of it.
    ///   - policy: What becomes of its runs when things do not go their usual way.
    ///   - run: Executes one run.
    public func agent(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Void
    ) {
        let manifest = AgentManifest(
            name: name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata)
        add(ClosureAgent(manifest: manifest, policy: policy, handler: run))
    }

    /// Adds an agent that returns what it has to say: text, a part, a message, several of them, or nil.
    public func agent<Output: AgentOutput>(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Output
    ) {
        agent(
            name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata, policy: policy
        ) { context in
            try await run(context).emit(in: context)
        }
    }

    /// Adds an agent that returns a sequence of what it has to say, each element of which is sent as it comes.
    public func agent<Output: AsyncSequence & SendableMetatype>(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Output
    ) where Output.Element: AgentOutput, Output.AsyncIterator: SendableMetatype {
        agent(
            name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata, policy: policy
        ) { context in
            for try await element in try await run(context) { try await element.emit(in: context) }
        }
    }
}
