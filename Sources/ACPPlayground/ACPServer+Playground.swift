// SPDX-License-Identifier: Apache-2.0

public import ACPServer

extension ACPServer {
    /// Serves a page at `/playground` with which people try out the agents of the server, and look at its runs.
    ///
    /// ```swift
    /// let server = ACPServer(storage: MemoryStorage())
    /// try server.addAgent("greeter", description: "Greets its caller") { _ in "Hello!" }
    /// try server.addPlayground()
    /// try await server.runService()
    /// ```
    ///
    /// The page is part of the program: it loads nothing from elsewhere. It uses the same routes as every other client,
    /// with the token that its user enters, so that it can do no more than this user. Its files require no credential,
    /// since they contain no data.
    ///
    /// Call it before the server runs, and before `router()`, `application()` and `addRoutes(to:)`.
    ///
    /// - Parameter configuration: What is offered besides. Defaults to nothing.
    /// - Throws: `ServerError` with code `invalidConfiguration` if the server has a playground already.
    public func addPlayground(
        _ configuration: PlaygroundConfiguration = PlaygroundConfiguration()
    ) throws(ServerError) {
        guard !hasRoutes(PlaygroundRoutes.self) else {
            throw .invalidConfiguration("the server has a playground already: call addPlayground once")
        }
        add(PlaygroundRoutes(configuration: configuration))
    }
}
