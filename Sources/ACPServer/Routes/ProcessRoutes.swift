// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// `/processes`: the server processes that share the storage, for operators.
struct ProcessRoutes: Sendable {
    let engine: RunEngine

    func add(to groups: RouteGroups<some RequestContext>) {
        groups.administer.get("processes", use: list)
    }

    private func list(_ request: Request, context: some RequestContext) async throws -> Response {
        let processes = try await engine.processes().map { status in
            ProcessDescription(
                id: status.id.rawValue, isAlive: status.isAlive, isCurrent: status.id == engine.configuration.process,
                runCount: status.runs.count, runs: Array(status.runs.prefix(100)))
        }
        return try .json(ProcessesListResponse(processes: processes))
    }
}
