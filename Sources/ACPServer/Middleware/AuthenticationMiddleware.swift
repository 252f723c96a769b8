// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Rejects requests that are not authenticated with 401.
struct AuthenticationMiddleware<Context: RequestContext>: RouterMiddleware {
    let authentication: Authentication

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        try await authentication.check(request.head)
        return try await next(request, context)
    }
}
