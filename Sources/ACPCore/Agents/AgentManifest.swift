// SPDX-License-Identifier: Apache-2.0

/// The description of an agent that a server publishes.
public struct AgentManifest: Sendable, Hashable {
    /// The name under which the agent is called.
    public var name: AgentName
    /// What the agent does, for people.
    public var description: String
    /// The MIME types that the agent accepts, such as `text/plain` or `image/*`. Never empty.
    public var inputContentTypes: [String]
    /// The MIME types that the agent produces. Never empty.
    public var outputContentTypes: [String]
    /// Further information about the agent.
    public var metadata: AgentMetadata
    /// Statistics about the agent's runs, if the server publishes them.
    public var status: AgentStatus?

    /// Creates a manifest.
    ///
    /// - Parameters:
    ///   - name: The name under which the agent is called.
    ///   - description: What the agent does. Defaults to an empty text.
    ///   - inputContentTypes: The MIME types that the agent accepts. Defaults to all; an empty array means all too.
    ///   - outputContentTypes: The MIME types that the agent produces. Defaults to all; an empty array means all too.
    ///   - metadata: Further information about the agent. Defaults to none.
    ///   - status: Statistics about the agent's runs. Defaults to `nil`.
    public init(
        name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        status: AgentStatus? = nil
    ) {
        self.name = name
        self.description = description
        self.inputContentTypes = inputContentTypes.isEmpty ? ["*/*"] : inputContentTypes
        self.outputContentTypes = outputContentTypes.isEmpty ? ["*/*"] : outputContentTypes
        self.metadata = metadata
        self.status = status
    }
}

/// Statistics about an agent's runs.
public struct AgentStatus: Sendable, Hashable {
    /// The average number of tokens per run.
    public var averageRunTokens: Double?
    /// The average duration of a run, in seconds.
    public var averageRunTimeSeconds: Double?
    /// The share of successful runs, in percent from 0 to 100.
    public var successRate: Double?

    /// Creates statistics. Those that are not given are unknown.
    public init(averageRunTokens: Double? = nil, averageRunTimeSeconds: Double? = nil, successRate: Double? = nil) {
        self.averageRunTokens = averageRunTokens
        self.averageRunTimeSeconds = averageRunTimeSeconds
        self.successRate = successRate
    }
}
