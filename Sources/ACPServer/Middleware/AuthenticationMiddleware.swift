// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Rejects requests that are not authenticated with 401.
struct AuthenticationMiddleware<Context: RequestContext>: RouterMiddleware {
    let authentication: Authentication

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard (try? await authentication.isAllowed(request.head)) == true else {
            throw ErrorResponse(
                .unauthorized, .unauthorized, "a credential is missing or wrong: send Authorization: Bearer TOKEN",
                headers: [.wwwAuthenticate: "Bearer"])
        }
        return try await next(request, context)
    }
}
