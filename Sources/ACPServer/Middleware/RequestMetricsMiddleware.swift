// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Counts responses, and measures the time until they begin.
struct RequestMetricsMiddleware<Context: RequestContext>: RouterMiddleware {
    let metrics: ServerMetrics

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        do {
            let response = try await next(request, context)
            metrics.didRespond(request.method, RouteLabel.route(of: context), response.status, after: .now - start)
            return response
        } catch {
            metrics.didRespond(
                request.method, RouteLabel.route(of: context), ErrorResponse(error).status, after: .now - start)
            throw error
        }
    }
}
