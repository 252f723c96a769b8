// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Who may send which requests, and what they reach.
package struct AccessRules: Sendable {
    let engine: RunEngine
    let authentication: Authentication?
    private let isIsolated: Bool
    private let publicRoutes: PublicRoutes

    init(engine: RunEngine, configuration: ServerConfiguration) {
        self.engine = engine
        authentication = configuration.authentication
        isIsolated = configuration.isolation
        publicRoutes = configuration.publicRoutes
    }

    /// Whether requests for some routes require no credential.
    package func isPublic(_ routes: PublicRoutes) -> Bool {
        authentication == nil || !publicRoutes.isDisjoint(with: routes)
    }

    /// Authenticates a request, and checks that its sender has a role.
    ///
    /// - Parameter role: The role. If `nil`, any is sufficient.
    /// - Returns: What the sender reaches.
    /// - Throws: ``ErrorResponse``: 401, 403 or 503.
    @discardableResult
    package func authorize(
        _ request: HTTPRequest, for role: Principal.Role? = nil
    ) async throws(ErrorResponse) -> RunAccess {
        guard let authentication else { return try access(of: nil) }
        let outcome: Authentication.Outcome =
            if let identity = RequestIdentity.current {
                await identity.outcome(of: request)
            } else {
                await authentication.outcome(of: request)
            }
        let access = try access(after: outcome)
        if let role { try access.require(role) }
        return access
    }

    /// Returns whether a request has a credential that is accepted.
    func isAuthenticated(_ request: HTTPRequest) async -> Bool { (try? await authorize(request)) != nil }

    /// What the sender of the current request reaches, which ``RouteMiddleware`` or a signature has let pass.
    ///
    /// - Throws: ``ErrorResponse``: 401 if neither has.
    var current: RunAccess {
        get throws(ErrorResponse) {
            guard authentication != nil else { return try access(of: nil) }
            guard let identity = RequestIdentity.current else { throw .missingCredential(self) }
            if identity.hasSignature { return RunAccess(engine) }
            return try access(after: identity.known ?? .denied)
        }
    }

    private func access(after outcome: Authentication.Outcome) throws(ErrorResponse) -> RunAccess {
        switch outcome {
        case .accepted(let principal): return try access(of: principal)
        case .denied: throw .missingCredential(self)
        case .unavailable(let error):
            throw ErrorResponse(
                .serviceUnavailable,
                ACPError(.unavailable, "the credential cannot be verified at the moment: try again later"), cause: error
            )
        }
    }

    private func access(of principal: Principal?) throws(ErrorResponse) -> RunAccess {
        guard principal != nil || !isIsolated else {
            throw ErrorResponse(
                .forbidden, .unauthorized,
                "the runs of this server belong to principals (ServerConfiguration.isolation), and this request has none"
            )
        }
        return RunAccess(engine, caller: principal, isIsolated: isIsolated)
    }
}

extension RunAccess {
    /// Checks that the caller has a role. Callers that are not distinguished have all of them.
    ///
    /// - Throws: ``ErrorResponse``: 403.
    package func require(_ role: Principal.Role) throws(ErrorResponse) {
        guard let caller, !caller.can(role) else { return }
        throw ErrorResponse(
            .forbidden, .unauthorized,
            "this credential has not the role \"\(role.rawValue)\", which the request requires: use another one, or have it granted"
        )
    }
}

extension ErrorResponse {
    fileprivate static func missingCredential(_ rules: AccessRules) -> ErrorResponse {
        ErrorResponse(
            .unauthorized, .unauthorized, "a credential is missing or wrong: send Authorization: Bearer TOKEN",
            headers: [.wwwAuthenticate: "Bearer"])
    }
}
