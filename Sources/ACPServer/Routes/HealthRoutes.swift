// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Health checks for clients, load balancers and orchestrators. They require no credential.
struct HealthRoutes: Sendable {
    let engine: RunEngine
    let authentication: Authentication?

    func add(to group: RouterGroup<some RequestContext>) {
        group.get("ping") { _, _ in Response.json(bytes: Array("{}".utf8)) }
        group.get("healthz") { _, _ in Response.json(bytes: Array("{\"status\":\"ok\"}".utf8)) }
        group.get("readyz", use: ready)
    }

    /// Reports whether the server accepts runs: not while it shuts down, nor while its storage accepts no writes.
    private func ready(_ request: Request, context: some RequestContext) async throws -> Response {
        do {
            try await engine.checkReadiness()
        } catch {
            let response = ErrorResponse(error)
            if await canReadReasons(request) { throw response }
            throw ErrorResponse(
                response.status, ACPError(response.error.code, "this server is not ready: try again later"),
                headers: response.headers, cause: response.cause)
        }
        return .json(bytes: Array("{\"status\":\"ok\"}".utf8))
    }

    /// Whether the sender is authenticated. Only then does the response describe the state of the storage.
    private func canReadReasons(_ request: Request) async -> Bool {
        guard let authentication else { return true }
        return (try? await authentication.isAllowed(request.head)) == true
    }
}
