// SPDX-License-Identifier: Apache-2.0

/// Routes of a server that require no credential.
///
/// ```swift
/// configuration.publicRoutes.insert(.agents)
/// ```
public struct PublicRoutes: OptionSet, Sendable, Hashable {
    /// The bits of the routes.
    public let rawValue: Int

    /// Creates a set of routes from their bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `/ping`.
    public static let ping = PublicRoutes(rawValue: 1 << 0)
    /// `/healthz`.
    public static let healthz = PublicRoutes(rawValue: 1 << 1)
    /// `/readyz`. Only callers with a credential learn why a server is not ready.
    public static let readyz = PublicRoutes(rawValue: 1 << 2)
    /// The list of agents and their manifests: `/agents` and `/agents/{name}`.
    public static let agents = PublicRoutes(rawValue: 1 << 3)
    /// The cards of agents for A2A.
    public static let cards = PublicRoutes(rawValue: 1 << 4)

    /// The routes that are public by default: health checks, and the cards of agents for A2A.
    public static let standard: PublicRoutes = [.ping, .healthz, .readyz, .cards]

    /// All routes that can be public, with their names in configurations.
    public static let names: [(name: String, route: PublicRoutes)] = [
        ("ping", .ping), ("healthz", .healthz), ("readyz", .readyz), ("agents", .agents), ("cards", .cards),
    ]

    /// Creates the set of one route from its name in configurations: `ping`, `healthz`, `readyz`, `agents` or `cards`.
    /// Returns `nil` if no route has the name.
    public init?(name: String) {
        guard let route = Self.names.first(where: { $0.name == name })?.route else { return nil }
        self = route
    }
}
