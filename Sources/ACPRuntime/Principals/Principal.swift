// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Who calls: the owner of a credential that a server has verified.
///
/// ```swift
/// try server.addAgent("greeter") { context in "Hello, \(context.principal?.id.rawValue ?? "whoever you are")!" }
/// ```
///
/// A server establishes the principal of a request (`Authentication` in `ACPServer`). Its id is stored with the runs that
/// it creates, and with their sessions.
public struct Principal: Sendable, Hashable {
    /// What a principal may do.
    public enum Role: String, Sendable, Hashable, CaseIterable {
        /// Reads runs, sessions and agents.
        case read
        /// Creates, answers, cancels and deletes runs, deletes sessions, and reads what ``read`` does.
        case call
        /// Does everything, with the runs and sessions of all principals, and reads processes and metrics.
        case administer
    }

    /// The id, which no other principal has.
    public var id: PrincipalID
    /// What the principal may do.
    public var roles: Set<Role>
    /// What else is known of the principal, such as the claims of its token.
    public var claims: JSONObject

    /// Creates a principal.
    ///
    /// - Parameters:
    ///   - id: The id, which no other principal has.
    ///   - roles: What the principal may do. Defaults to ``Role/call``.
    ///   - claims: What else is known of the principal. Defaults to nothing.
    public init(id: PrincipalID, roles: Set<Role> = [.call], claims: JSONObject = [:]) {
        self.id = id
        self.roles = roles
        self.claims = claims
    }

    /// Returns whether the principal may do what a role allows. A role includes those that ``Role`` lists before it.
    public func can(_ role: Role) -> Bool {
        switch role {
        case .read: !roles.isEmpty
        case .call: roles.contains(.call) || roles.contains(.administer)
        case .administer: roles.contains(.administer)
        }
    }
}
