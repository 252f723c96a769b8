// SPDX-License-Identifier: Apache-2.0

/// How an agent presents itself to those who may call it.
public struct AgentManifest: Sendable, Hashable {
    public var name: AgentName
    /// What the agent does, for people.
    public var description: String
    /// The MIME types that the agent takes, such as `text/plain` or `image/*`. Never empty.
    public var inputContentTypes: [String]
    /// The MIME types that the agent produces. Never empty.
    public var outputContentTypes: [String]
    public var metadata: AgentMetadata
    /// How the agent has been doing, if the server says it.
    public var status: AgentStatus?

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

/// How an agent has been doing.
public struct AgentStatus: Sendable, Hashable {
    /// Tokens per run, on average.
    public var averageRunTokens: Double?
    /// Seconds per run, on average.
    public var averageRunTimeSeconds: Double?
    /// Successful runs in percent, 0 to 100.
    public var successRate: Double?

    public init(averageRunTokens: Double? = nil, averageRunTimeSeconds: Double? = nil, successRate: Double? = nil) {
        self.averageRunTokens = averageRunTokens
        self.averageRunTimeSeconds = averageRunTimeSeconds
        self.successRate = successRate
    }
}
