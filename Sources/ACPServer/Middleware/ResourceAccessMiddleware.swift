// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Allows reading a session's resources with a signed URL or with a credential.
struct ResourceAccessMiddleware<Context: RequestContext>: RouterMiddleware {
    let signing: URLSigning
    let rules: AccessRules

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let query = request.uri.queryParameters
        let validity =
            SessionResource(endOfPath: request.uri.path).map {
                signing.validity(
                    of: $0, expires: query[Substring(SessionLink.expiresName)].map(String.init),
                    signature: query[Substring(SessionLink.signatureName)].map(String.init))
            } ?? .invalid
        if case .valid(let remaining) = validity {
            RequestIdentity.current?.acceptSignature()
            var response = try await next(request, context)
            response.limitCaching(to: remaining)
            return response
        }
        let hasAuthentication = rules.authentication != nil
        if hasAuthentication, await rules.isAuthenticated(request.head) {
            try await rules.authorize(request.head, for: .read)
            return try await next(request, context)
        }
        let problem =
            validity == .expired ? "this URL has expired" : "this URL is not signed by this server, or was changed"
        let alternative = hasAuthentication ? ", or send a credential" : ""
        throw ErrorResponse(
            .forbidden, .unauthorized, "\(problem): get a new one from the session's descriptor\(alternative)")
    }
}
