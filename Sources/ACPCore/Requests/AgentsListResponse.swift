// SPDX-License-Identifier: Apache-2.0

/// The response to `GET /agents`.
public struct AgentsListResponse: Sendable, Hashable {
    /// One page of agents.
    public var agents: [AgentManifest]

    /// Creates a page of agents.
    public init(agents: [AgentManifest]) { self.agents = agents }
}
