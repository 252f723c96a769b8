// SPDX-License-Identifier: Apache-2.0

import ACPServer
import HTTPTypes
import Hummingbird

/// The paths below `/a2a`, and the card at the root of the server.
///
/// The paths of the protocol contain ids that may hold colons, and an optional tenant. Therefore one route receives
/// them all, and ``Endpoint`` takes them apart.
struct A2AServerRoutes: AdditionalRoutes {
    let configuration: A2AConfiguration
    /// `nil` if push notifications are switched off.
    let push: PushService?

    private static let methods: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .options]

    func add<Context: RemoteAddressRequestContext>(to router: RouterGroup<Context>, _ environment: RouteEnvironment) {
        router.add(middleware: A2AErrorMiddleware<Context>(failureLogger: environment.failureLogger))
        router.add(middleware: ResponseBudgetMiddleware<Context>(budgets: environment.budgets))
        let dispatcher = Dispatcher(environment: environment, configuration: configuration, push: push)
        for method in Self.methods {
            router.on(RouterPath(Endpoint.cardPath), method: method) { request, context in
                try await dispatcher.rootCard(request, context)
            }
            for path: RouterPath in ["a2a", "a2a/**"] {
                router.on(path, method: method) { request, context in
                    try await dispatcher.respond(to: request, context)
                }
            }
        }
    }

    func response(to error: ErrorResponse, _ request: Request, _ context: some RequestContext) -> Response? {
        // The path of the route, since the router may have a prefix. There is none for other methods than those above.
        let path = context.endpointPath ?? request.uri.path
        guard path.hasSuffix("/a2a") || path.contains("/a2a/") || path.hasSuffix(Endpoint.cardPath) else { return nil }
        return A2AFailure(converting: error).response(to: request, context)
    }
}
