// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Synchronization

/// Who has sent a request. It is found out when it is first needed, and only once.
final class RequestIdentity: Sendable {
    /// That of the request which the current task processes. `nil` if the server has no authentication.
    @TaskLocal static var current: RequestIdentity?

    /// What lets a request pass that is not authenticated.
    private struct State {
        var outcome: Authentication.Outcome?
        var hasSignature = false
    }

    private let authentication: Authentication
    private let state = Mutex(State())

    init(_ authentication: Authentication) { self.authentication = authentication }

    /// Returns the outcome of authenticating the request.
    func outcome(of request: HTTPRequest) async -> Authentication.Outcome {
        if let known { return known }
        let outcome = await authentication.outcome(of: request)
        state.withLock { $0.outcome = outcome }
        return outcome
    }

    /// The outcome, if the request was authenticated.
    var known: Authentication.Outcome? { state.withLock(\.outcome) }

    /// Whether the URL of the request has a valid signature, which grants access to its resource to everybody.
    var hasSignature: Bool { state.withLock(\.hasSignature) }

    /// The principal of the current request, if it was authenticated and has one.
    static var principal: PrincipalID? {
        if case .accepted(let principal)? = current?.known { principal?.id } else { nil }
    }

    func acceptSignature() { state.withLock { $0.hasSignature = true } }
}

/// Provides the identity of requests to what follows.
struct IdentityMiddleware<Context: RequestContext>: RouterMiddleware {
    let authentication: Authentication

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        try await RequestIdentity.$current.withValue(RequestIdentity(authentication)) {
            try await next(request, context)
        }
    }
}
