// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// What precedes the routes of a router: requests are traced, identified, measured and logged, checked for browsers and limits of
/// callers, and the errors of routes are converted.
///
/// It is one middleware with steps that call each other, because passing from one middleware of a router to the next
/// takes longer than most of these steps.
struct EntryMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    typealias Next = (Request, Context) async throws -> Response

    let tracing: TracingMiddleware<Context>
    /// `nil` if callers need no credential.
    let identity: IdentityMiddleware<Context>?
    /// `nil` if requests are neither counted nor logged.
    let observation: ObservationMiddleware<Context>?
    let browsers: BrowserMiddleware<Context>
    /// `nil` if callers have no limits.
    let callers: CallerLimitMiddleware<Context>?
    /// `nil` if the routes convert their errors themselves.
    let errors: ErrorMiddleware<Context>?

    func handle(_ request: Request, context: Context, next: Next) async throws -> Response {
        try await tracing.handle(request, context: context) { try await identify($0, $1, next) }
    }

    private func identify(_ request: Request, _ context: Context, _ next: Next) async throws -> Response {
        guard let identity else { return try await observe(request, context, next) }
        return try await identity.handle(request, context: context) { try await observe($0, $1, next) }
    }

    private func observe(_ request: Request, _ context: Context, _ next: Next) async throws -> Response {
        guard let observation else { return try await check(request, context, next) }
        return try await observation.handle(request, context: context) { try await check($0, $1, next) }
    }

    private func check(_ request: Request, _ context: Context, _ next: Next) async throws -> Response {
        try await browsers.handle(request, context: context) { try await limit($0, $1, next) }
    }

    private func limit(_ request: Request, _ context: Context, _ next: Next) async throws -> Response {
        guard let callers else { return try await convertErrors(request, context, next) }
        return try await callers.handle(request, context: context) { try await convertErrors($0, $1, next) }
    }

    private func convertErrors(_ request: Request, _ context: Context, _ next: Next) async throws -> Response {
        guard let errors else { return try await next(request, context) }
        return try await errors.handle(request, context: context, next: next)
    }
}
