// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Applies a ``BrowserPolicy`` to requests, and adds ``BrowserHeaders`` to their responses.
///
/// It is the outermost middleware, so that all responses have the headers, errors included.
struct BrowserMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    private let policy: BrowserPolicy
    private let headers: BrowserHeaders
    private let proxies: TrustedProxies?
    private let errors: ErrorForms

    /// - Parameter address: The address on which the server listens. `nil` if another application listens.
    init(_ configuration: ServerConfiguration, listeningOn address: String?, errors: ErrorForms) {
        policy = BrowserPolicy(configuration, listeningOn: address)
        headers = BrowserHeaders(configuration.browsers)
        proxies = configuration.trustedProxies
        self.errors = errors
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let sender: BrowserPolicy.Sender
        var response: Response
        do throws(BrowserPolicy.Refusal) {
            sender = try policy.check(
                request.head, isProxyTrusted: proxies?.includes(context.remoteAddress) == true)
        } catch {
            var response = try errors.response(error.response(to: request.head), request, context)
            add(to: &response.headers)
            // The page of a listed origin can read why its request was refused.
            if error == .notJSON { allow(request, in: &response.headers) }
            return response
        }
        if sender == .listedPage, request.method == .options, request.headers[.accessControlRequestMethod] != nil,
            let origin = request.headers[.origin]
        {
            response = Response(status: .noContent, headers: headers.preflight(origin))
        } else {
            response = try await next(request, context)
            if sender == .listedPage { allow(request, in: &response.headers) }
        }
        add(to: &response.headers)
        return response
    }

    private func allow(_ request: Request, in fields: inout HTTPFields) {
        guard let origin = request.headers[.origin], policy.lists(origin) else { return }
        headers.allow(origin, in: &fields)
    }

    private func add(to fields: inout HTTPFields) {
        for field in headers.common { fields.append(field) }
    }
}

/// The forms of the errors that are found before a request reaches the routes of a protocol.
struct ErrorForms: Sendable {
    let additionalRoutes: [any AdditionalRoutes]

    /// Returns an error in the form of the protocol that a request uses.
    func response(
        _ error: ErrorResponse, _ request: Request, _ context: some RemoteAddressRequestContext
    ) throws -> Response {
        for routes in additionalRoutes {
            if let response = routes.response(to: error, request, context) { return response }
        }
        return try error.response(from: request, context: context)
    }
}
