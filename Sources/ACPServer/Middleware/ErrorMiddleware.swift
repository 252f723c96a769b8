// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Converts the errors that routes throw into responses with ACP's error object.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    let failureLogger: FailureLogger
    let methods: RouteMethods

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            if let response = try methods.response(to: request, after: error, context: context) { return response }
            let errorResponse = ErrorResponse(error)
            failureLogger.log(errorResponse, request, to: context.logger)
            return try errorResponse.response(from: request, context: context)
        }
    }
}
