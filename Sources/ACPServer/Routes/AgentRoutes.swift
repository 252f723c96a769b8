// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// `/agents`: the manifests of the server's agents.
struct AgentRoutes: Sendable {
    let agents: AgentRegistry

    func add(to groups: RouteGroups<some RequestContext>) {
        let group = groups.reading(.agents)
        group.get("agents", use: list)
        group.get("agents/:name", use: get)
    }

    private func list(_ request: Request, context: some RequestContext) async throws -> Response {
        let limit = try request.integer("limit", in: 1...1000) ?? 10
        let offset = try request.integer("offset", in: 0...Int.max) ?? 0
        return try .json(AgentsListResponse(agents: Array(agents.manifests.dropFirst(offset).prefix(limit))))
    }

    private func get(_ request: Request, context: some RequestContext) async throws -> Response {
        let name = try context.identifier("name", as: AgentName.self)
        guard let agent = agents[name] else { throw RunEngineError.unknownAgent(name) }
        return try .json(agent.manifest)
    }
}
