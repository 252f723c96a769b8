// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer
import HTTPTypes
import Hummingbird

/// Passes requests to the binding or the card that their path names.
struct Dispatcher: Sendable {
    private let environment: RouteEnvironment
    private let agents: AgentDirectory
    private let cards: CardStore
    private let jsonRPC: JSONRPCBinding
    private let http: HTTPBinding

    init(environment: RouteEnvironment, configuration: A2AConfiguration, push: PushService?) {
        self.environment = environment
        let builder = CardBuilder(
            configuration: configuration, authentication: environment.configuration.authentication)
        agents = AgentDirectory(
            engine: environment.engine, configuration: configuration, cards: builder, push: push)
        cards = CardStore(builder: builder)
        let operations = Operations(environment: environment, agents: agents, cards: builder)
        jsonRPC = JSONRPCBinding(operations: operations)
        http = HTTPBinding(operations: operations)
    }

    func respond(to request: Request, _ context: some RemoteAddressRequestContext) async throws -> Response {
        let endpoint = Endpoint(context)
        if endpoint.isCard {
            if let response = try options(of: request, allowed: ["GET"]) { return response }
            try await authorizeCard(request)
            let agent = try agents.require(endpoint.agent ?? "")
            return try card(of: agent.name, request, context)
        }
        if endpoint.isJSONRPC {
            if let response = try options(of: request, allowed: ["POST"]) { return response }
            // Which role is required depends on the method, which the body names.
            let access = try await environment.access.authorize(request.head)
            return try await jsonRPC.respond(
                to: request, context, agent: endpoint.agent.map(agents.require), access: access)
        }
        let verb = request.method == .head ? "GET" : request.method.rawValue
        switch A2A.HTTPCall.match(verb: verb, path: endpoint.path) {
        case .call(let call):
            let access = try await environment.access.authorize(request.head)
            return try await http.respond(
                to: request, context, call: call, agent: try agents.require(endpoint.agent ?? ""), access: access)
        case .wrongVerb(let allowed):
            if let response = try options(of: request, allowed: allowed) { return response }
            throw A2AFailure.unknownPath
        case .none: throw A2AFailure.unknownPath
        }
    }

    /// Returns the card of the default agent.
    func rootCard(_ request: Request, _ context: some RemoteAddressRequestContext) async throws -> Response {
        if let response = try options(of: request, allowed: ["GET"]) { return response }
        try await authorizeCard(request)
        return try card(of: try agents.defaultAgent(), request, context)
    }

    /// Requires a credential for cards, unless they are public.
    private func authorizeCard(_ request: Request) async throws {
        if !environment.access.isPublic(.cards) { try await environment.access.authorize(request.head, for: .read) }
    }

    private func card(
        of agent: AgentName, _ request: Request, _ context: some RemoteAddressRequestContext
    ) throws -> Response {
        guard let manifest = environment.engine.agents[agent]?.manifest else {
            throw A2AFailure.unknownAgent(agent.rawValue)
        }
        return try cards.card(of: manifest, at: environment.baseURL(of: request, context)).response(to: request)
    }

    /// Returns the response to a request for the methods of a path.
    ///
    /// - Throws: ``A2AFailure``: 405 if the path does not have the request's method.
    private func options(of request: Request, allowed: [String]) throws(A2AFailure) -> Response? {
        let method = request.method.rawValue
        let isReadable = allowed.contains("GET")
        if allowed.contains(method) || (isReadable && request.method == .head) { return nil }
        let all = Set(allowed + ["OPTIONS"] + (isReadable ? ["HEAD"] : [])).sorted().joined(separator: ", ")
        guard request.method == .options else { throw A2AFailure.methodNotAllowed(method, allowed: all) }
        return Response(status: .noContent, headers: [.allow: all])
    }
}
