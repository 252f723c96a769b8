// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer
import HTTPTypes
import Hummingbird

/// Performs the methods, for all bindings.
struct Operations: Sendable {
    let environment: RouteEnvironment
    let agents: AgentDirectory
    let cards: CardBuilder

    /// What a method has led to.
    enum Outcome {
        case result(MethodResult)
        case stream(TaskService.Stream)
    }

    /// Performs a method.
    ///
    /// - Parameters:
    ///   - method: The method with its parameters.
    ///   - agent: The agent that the path names. If `nil`, the tenant names it.
    ///   - request: The request that contains the call.
    ///   - access: What the caller may do and reach.
    ///   - isVersion03: Whether the client speaks version 0.3.
    /// - Returns: The outcome, and the URIs of the extensions that were active.
    func perform(
        _ method: MethodRequest, at agent: ServedAgent?, of request: Request,
        _ context: some RemoteAddressRequestContext, _ access: RunAccess, isVersion03: Bool = false
    ) async throws -> (outcome: Outcome, extensions: [String]) {
        try access.require(method.method.requiredRole)
        let agent = try self.agent(at: agent, tenant: method.tenant)
        var call = try TaskService.Call(request.headers, agent.capabilities.extensions, isVersion03: isVersion03)
        call.access = access
        try method.check(agent.capabilities)
        try method.check(environment.configuration.limits)
        return (try await outcome(of: method, agent, call, request, context, isVersion03), call.extensions)
    }

    private func outcome(
        of method: MethodRequest, _ agent: ServedAgent, _ call: TaskService.Call, _ request: Request,
        _ context: some RemoteAddressRequestContext, _ isVersion03: Bool
    ) async throws -> Outcome {
        let tasks = agent.tasks
        switch method {
        case .sendMessage(let request): return .result(.response(try await tasks.sendMessage(request, call)))
        case .sendStreamingMessage(let request):
            return .stream(try await tasks.sendStreamingMessage(request, call))
        case .getTask(let request): return .result(.task(try await tasks.getTask(request, call)))
        case .listTasks(let request): return .result(.tasks(try await tasks.listTasks(request, call)))
        case .cancelTask(let request): return .result(.task(try await tasks.cancelTask(request, call)))
        case .subscribeToTask(let request): return .stream(try await tasks.subscribeToTask(request, call))
        case .createPushConfig(let config):
            let push = try await push(for: config.taskID ?? "", agent, call)
            return .result(.pushConfig(try await push.create(config)))
        case .getPushConfig(let request):
            let push = try await push(for: request.taskID, agent, call)
            if isVersion03, request.id.rawValue.isEmpty { return try await onlyConfig(of: request.taskID, push) }
            return .result(.pushConfig(try await push.get(request)))
        case .listPushConfigs(let request):
            let push = try await push(for: request.taskID, agent, call)
            return .result(.pushConfigs(try await push.list(request)))
        case .deletePushConfig(let request):
            let push = try await push(for: request.taskID, agent, call)
            try await push.delete(request)
            return .result(.nothing)
        case .getExtendedCard:
            guard let manifest = environment.engine.agents[agent.name]?.manifest else {
                throw A2AFailure.unknownAgent(agent.name.rawValue)
            }
            return .result(.card(try cards.extendedCard(of: manifest, at: environment.baseURL(of: request, context))))
        }
    }

    /// Returns the agent that the path and the tenant name.
    ///
    /// - Throws: ``A2AError`` with code `invalidParams` if there is no such agent, or if they name different ones.
    private func agent(at agent: ServedAgent?, tenant: String?) throws -> ServedAgent {
        let tenant = tenant.flatMap { $0.isEmpty ? nil : $0 }
        guard let agent else {
            guard let tenant else {
                throw A2AError.invalidField(
                    "tenant", "the name of an agent is required: name it, or call the URL in the agent's card")
            }
            guard let agent = AgentName(rawValue: tenant).flatMap({ agents[$0] }) else {
                throw A2AError.invalidField("tenant", "there is no agent \"\(tenant.prefix(100))\"")
            }
            return agent
        }
        guard tenant == nil || tenant == agent.name.rawValue else {
            throw A2AError.invalidField(
                "tenant", "this is the URL of agent \(agent.name): leave the tenant out, as the agent's card does")
        }
        return agent
    }

    /// Returns the service for the push notifications of a task, which must be one of the agent.
    private func push(
        for task: A2A.TaskID, _ agent: ServedAgent, _ call: TaskService.Call
    ) async throws -> PushService {
        guard let push = agent.tasks.push else {
            throw A2AError(.pushNotificationNotSupported, "this server does not push notifications")
        }
        _ = try await agent.tasks.getTask(A2A.GetTaskRequest(id: task, historyLength: 0), call)
        return push
    }

    /// Returns the only push notification configuration of a task, for clients of version 0.3 that do not name one.
    private func onlyConfig(of task: A2A.TaskID, _ push: PushService) async throws -> Outcome {
        let configs = try await push.list(A2A.ListTaskPushNotificationConfigsRequest(taskID: task)).configs
        guard let config = configs.first else {
            throw A2AError(.taskNotFound, "task \(task) has no push notification configuration")
        }
        return .result(.pushConfig(config))
    }
}
