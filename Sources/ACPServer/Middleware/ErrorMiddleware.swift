// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Turns whatever a route throws into ACP's error object.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    let failures: FailureLog
    let methods: RouteMethods

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            if let response = try methods.response(to: request, after: error, context: context) { return response }
            let answer = ErrorAnswer(error)
            failures.record(answer, request, to: context.logger)
            return try answer.response(from: request, context: context)
        }
    }
}
