// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Health checks for clients, load balancers and orchestrators. They require no credential by default.
struct HealthRoutes: Sendable {
    let engine: RunEngine
    let rules: AccessRules

    func add(to groups: RouteGroups<some RequestContext>) {
        groups.reading(.ping).get("ping") { _, _ in Response.json(bytes: Array("{}".utf8)) }
        groups.reading(.healthz).get("healthz") { _, _ in Response.json(bytes: Array("{\"status\":\"ok\"}".utf8)) }
        groups.reading(.readyz).get("readyz", use: ready)
    }

    /// Reports whether the server accepts runs: not while it shuts down, nor while its storage accepts no writes.
    private func ready(_ request: Request, context: some RequestContext) async throws -> Response {
        do {
            try await engine.checkReadiness()
        } catch {
            let response = ErrorResponse(error)
            // Only authenticated callers learn the state of the storage.
            if await rules.isAuthenticated(request.head) { throw response }
            throw ErrorResponse(
                response.status, ACPError(response.error.code, "this server is not ready: try again later"),
                headers: response.headers, cause: response.cause)
        }
        return .json(bytes: Array("{\"status\":\"ok\"}".utf8))
    }
}
