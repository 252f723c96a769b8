// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// The routes of a router by the role that they require. The number and the size of their responses are limited.
struct RouteGroups<Context: RequestContext> {
    /// Routes that require no credential.
    let open: RouterGroup<Context>
    let read: RouterGroup<Context>
    let call: RouterGroup<Context>
    let administer: RouterGroup<Context>
    private let rules: AccessRules

    /// - Parameter budgets: The limits of responses. `nil` if they have none.
    init(of router: some RouterMethods<Context>, _ rules: AccessRules, budgets: ServerBudgets?) {
        let budget = budgets.map { ResponseBudgetMiddleware<Context>(budgets: $0) }
        func group(_ role: Principal.Role?) -> RouterGroup<Context> {
            // Without authentication, everybody may do everything.
            let role = rules.authentication == nil ? nil : role
            let group = router.group()
            return role == nil && budget == nil
                ? group : group.add(middleware: RouteMiddleware(rules: rules, role: role, budget: budget))
        }
        self.rules = rules
        open = group(nil)
        read = group(.read)
        call = group(.call)
        administer = group(.administer)
    }

    /// Returns the group of routes that may be public.
    func reading(_ routes: PublicRoutes) -> RouterGroup<Context> { rules.isPublic(routes) ? open : read }
}

/// What precedes each route: the check of the caller's role, and the limits of responses.
///
/// It is one middleware for the reason that ``EntryMiddleware`` has.
struct RouteMiddleware<Context: RequestContext>: RouterMiddleware {
    let rules: AccessRules
    /// The role that callers need. `nil` if they need none.
    let role: Principal.Role?
    /// `nil` if responses have no limits.
    let budget: ResponseBudgetMiddleware<Context>?

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if let role { try await rules.authorize(request.head, for: role) }
        guard let budget else { return try await next(request, context) }
        return try await budget.handle(request, context: context, next: next)
    }
}
