// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Signs of life, for clients, load balancers and orchestrators. They need no credential.
struct HealthRoutes: Sendable {
    let engine: RunEngine
    let authentication: Authentication?

    func add(to group: RouterGroup<some RequestContext>) {
        group.get("ping") { _, _ in Response.json(bytes: Array("{}".utf8)) }
        group.get("healthz") { _, _ in Response.json(bytes: Array("{\"status\":\"ok\"}".utf8)) }
        group.get("readyz", use: ready)
    }

    /// Ready means: takes runs now. Not while shutting down, nor while the storage takes no writes.
    private func ready(_ request: Request, context: some RequestContext) async throws -> Response {
        do {
            try await engine.checkReadiness()
        } catch {
            let answer = ErrorAnswer(error)
            if await mayReadReasons(request) { throw answer }
            throw ErrorAnswer(
                answer.status, ACPError(answer.error.code, "this server is not ready: try again later"),
                headers: answer.headers, cause: answer.cause)
        }
        return .json(bytes: Array("{\"status\":\"ok\"}".utf8))
    }

    /// Whether the sender could call everything else as well: the state of the server's storage is nobody else's business.
    private func mayReadReasons(_ request: Request) async -> Bool {
        guard let authentication else { return true }
        return (try? await authentication.isAllowed(request.head)) == true
    }
}
