// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Counts and logs requests. The time of a request is taken once for both.
struct ObservationMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    /// `nil` if there are no metrics.
    let metrics: ServerMetrics?
    /// `nil` if requests are not logged.
    let log: RequestLog?

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        do {
            var response = try await next(request, context)
            let route = RouteLabel.route(of: context)
            let duration = ContinuousClock.now - start
            metrics?.didRespond(request.method, route, response.status, after: duration)
            log?.didRespond(request, route, &response, from: context.remoteAddress, after: duration, since: start)
            return response
        } catch {
            let route = RouteLabel.route(of: context)
            let status = ErrorResponse(error).status
            let duration = ContinuousClock.now - start
            metrics?.didRespond(request.method, route, status, after: duration)
            log?.didFail(request, route, status, from: context.remoteAddress, after: duration)
            throw error
        }
    }
}
