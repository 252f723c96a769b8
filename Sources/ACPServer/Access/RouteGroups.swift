// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// The routes of a router by the role that they require.
struct RouteGroups<Context: RequestContext> {
    /// Routes that require no credential.
    let open: RouterGroup<Context>
    let read: RouterGroup<Context>
    let call: RouterGroup<Context>
    let administer: RouterGroup<Context>
    private let rules: AccessRules

    init(of router: some RouterMethods<Context>, _ rules: AccessRules) {
        func group(_ role: Principal.Role) -> RouterGroup<Context> {
            let group = router.group()
            // Without authentication, everybody may do everything.
            return rules.authentication == nil
                ? group : group.add(middleware: AccessMiddleware<Context>(rules: rules, role: role))
        }
        self.rules = rules
        open = router.group()
        read = group(.read)
        call = group(.call)
        administer = group(.administer)
    }

    /// Adds middleware to the routes of all roles.
    func add(middleware: some RouterMiddleware<Context>) {
        for group in [open, read, call, administer] { group.add(middleware: middleware) }
    }

    /// Returns the group of routes that may be public.
    func reading(_ routes: PublicRoutes) -> RouterGroup<Context> { rules.isPublic(routes) ? open : read }
}
