// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Signs of life, for clients, load balancers and orchestrators. They need no credential.
struct HealthRoutes: Sendable {
    let engine: RunEngine

    func add(to group: RouterGroup<some RequestContext>) {
        group.get("ping") { _, _ in Response.json(bytes: Array("{}".utf8)) }
        group.get("healthz") { _, _ in Response.json(bytes: Array("{\"status\":\"ok\"}".utf8)) }
        group.get("readyz", use: ready)
    }

    /// Ready means: takes runs now. Not while shutting down, nor while the storage takes no writes.
    private func ready(_ request: Request, context: some RequestContext) async throws -> Response {
        try await engine.checkReadiness()
        return .json(bytes: Array("{\"status\":\"ok\"}".utf8))
    }
}
