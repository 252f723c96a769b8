// SPDX-License-Identifier: Apache-2.0

/// The answer of `GET /agents`.
public struct AgentsListResponse: Sendable, Hashable {
    public var agents: [AgentManifest]
    public init(agents: [AgentManifest]) { self.agents = agents }
}
