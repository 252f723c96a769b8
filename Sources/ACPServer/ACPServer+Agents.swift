// SPDX-License-Identifier: Apache-2.0

extension ACPServer {
    /// Serves an agent that is a type.
    public func add(_ agent: some Agent) {
        agents.add(agent)
    }

    /// Serves an agent that says what it has to say by yielding.
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
        agents.agent(
            name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata, policy: policy, run: run)
    }

    /// Serves an agent that returns what it has to say: text, a part, a message, several of them, or nil.
    public func agent<Output: AgentOutput>(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Output
    ) {
        agents.agent(
            name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata, policy: policy, run: run)
    }

    /// Serves an agent that returns a sequence of what it has to say, each element of which is sent as it comes.
    public func agent<Output: AsyncSequence & SendableMetatype>(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Output
    ) where Output.Element: AgentOutput, Output.AsyncIterator: SendableMetatype {
        agents.agent(
            name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata, policy: policy, run: run)
    }
}
