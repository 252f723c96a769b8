// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Refuses those who may not call.
struct AuthenticationMiddleware<Context: RequestContext>: RouterMiddleware {
    let authentication: Authentication

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard (try? await authentication.isAllowed(request.head)) == true else {
            throw ErrorAnswer(
                .unauthorized, .unauthorized, "a credential is missing or wrong: send Authorization: Bearer TOKEN",
                headers: [.wwwAuthenticate: "Bearer"])
        }
        return try await next(request, context)
    }
}
