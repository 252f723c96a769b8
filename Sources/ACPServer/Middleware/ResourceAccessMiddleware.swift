// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Lets those read a resource of a session who have a signed URL of it, or a credential.
struct ResourceAccessMiddleware<Context: RequestContext>: RouterMiddleware {
    let signing: URLSigning
    let authentication: Authentication?

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let query = request.uri.queryParameters
        let verdict =
            SessionResource(endOfPath: request.uri.path).map {
                signing.verdict(
                    on: $0, expires: query[Substring(SessionLink.expiresName)].map(String.init),
                    signature: query[Substring(SessionLink.signatureName)].map(String.init))
            } ?? .forged
        if case .valid(let remaining) = verdict {
            var response = try await next(request, context)
            response.limitCaching(to: remaining)
            return response
        }
        if let authentication, (try? await authentication.isAllowed(request.head)) == true {
            return try await next(request, context)
        }
        let problem =
            verdict == .expired ? "this URL has expired" : "this URL is not signed by this server, or was changed"
        let others = authentication == nil ? "" : ", or send a credential"
        throw ErrorAnswer(
            .forbidden, .unauthorized, "\(problem): take a new one from the session's descriptor\(others)")
    }
}
