// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer

/// A call of a method with its parameters, whatever binding it came over.
enum MethodRequest: Sendable {
    case sendMessage(A2A.SendMessageRequest)
    case sendStreamingMessage(A2A.SendMessageRequest)
    case getTask(A2A.GetTaskRequest)
    case listTasks(A2A.ListTasksRequest)
    case cancelTask(A2A.CancelTaskRequest)
    case subscribeToTask(A2A.SubscribeToTaskRequest)
    case createPushConfig(A2A.TaskPushNotificationConfig)
    case getPushConfig(A2A.GetTaskPushNotificationConfigRequest)
    case listPushConfigs(A2A.ListTaskPushNotificationConfigsRequest)
    case deletePushConfig(A2A.DeleteTaskPushNotificationConfigRequest)
    case getExtendedCard(A2A.GetExtendedAgentCardRequest)

    /// The method.
    var method: A2A.Method {
        switch self {
        case .sendMessage: .sendMessage
        case .sendStreamingMessage: .sendStreamingMessage
        case .getTask: .getTask
        case .listTasks: .listTasks
        case .cancelTask: .cancelTask
        case .subscribeToTask: .subscribeToTask
        case .createPushConfig: .createTaskPushNotificationConfig
        case .getPushConfig: .getTaskPushNotificationConfig
        case .listPushConfigs: .listTaskPushNotificationConfigs
        case .deletePushConfig: .deleteTaskPushNotificationConfig
        case .getExtendedCard: .getExtendedAgentCard
        }
    }

    /// The tenant that the parameters name.
    var tenant: String? {
        switch self {
        case .sendMessage(let request), .sendStreamingMessage(let request): request.tenant
        case .getTask(let request): request.tenant
        case .listTasks(let request): request.tenant
        case .cancelTask(let request): request.tenant
        case .subscribeToTask(let request): request.tenant
        case .createPushConfig(let config): config.tenant
        case .getPushConfig(let request): request.tenant
        case .listPushConfigs(let request): request.tenant
        case .deletePushConfig(let request): request.tenant
        case .getExtendedCard(let request): request.tenant
        }
    }

    /// Checks that an agent has what the method needs.
    ///
    /// - Throws: ``A2AError``: `unsupportedOperation`, `pushNotificationNotSupported` or `invalidParams`.
    func check(_ capabilities: A2A.AgentCapabilities) throws(A2AError) {
        switch self {
        case .sendStreamingMessage, .subscribeToTask:
            guard capabilities.streaming == true else {
                throw A2AError(
                    .unsupportedOperation,
                    "this agent does not stream: use SendMessage and GetTask (capabilities.streaming in its card)")
            }
        case .createPushConfig, .getPushConfig, .listPushConfigs, .deletePushConfig:
            try Self.requirePush(capabilities)
        case .getExtendedCard:
            guard capabilities.extendedAgentCard == true else {
                throw A2AError(
                    .unsupportedOperation,
                    "this agent has no extended card (capabilities.extendedAgentCard in its card)")
            }
        case .sendMessage, .getTask, .listTasks, .cancelTask: break
        }
        switch self {
        case .sendMessage(let request), .sendStreamingMessage(let request):
            if request.configuration?.pushNotificationConfig != nil { try Self.requirePush(capabilities) }
        case .createPushConfig(let config):
            guard config.taskID?.rawValue.isEmpty == false else {
                throw .invalidField("taskId", "a value is required, which is not empty")
            }
        default: break
        }
    }

    /// Checks that a message does not have more parts than a server accepts.
    ///
    /// - Throws: ``A2AError``: `invalidParams`.
    func check(_ limits: ServerLimits) throws(A2AError) {
        switch self {
        case .sendMessage(let request), .sendStreamingMessage(let request):
            guard request.message.parts.count <= limits.maximumParts else {
                throw .invalidField(
                    "message.parts",
                    "at most \(limits.maximumParts) parts are accepted (ServerLimits.maximumParts)")
            }
        default: break
        }
    }

    private static func requirePush(_ capabilities: A2A.AgentCapabilities) throws(A2AError) {
        guard capabilities.pushNotifications == true else {
            throw A2AError(
                .pushNotificationNotSupported,
                "this agent does not push notifications (capabilities.pushNotifications in its card)")
        }
    }
}

// MARK: - JSON-RPC

extension MethodRequest {
    /// Reads a request of JSON-RPC.
    ///
    /// - Throws: ``A2AError``: `methodNotFound` or `invalidParams`.
    init(_ request: A2A.JSONRPC.Request) throws(A2AError) {
        guard let method = A2A.Method(rawValue: request.method) else {
            let hint = A2A.V03.method(named: request.method) == nil ? "" : ", which is one of version 0.3"
            throw A2AError(
                .methodNotFound,
                "there is no method \"\(request.method.prefix(60))\"\(hint): use one of version 1.0, such as SendMessage"
            )
        }
        self =
            switch method {
            case .sendMessage: .sendMessage(try request.params())
            case .sendStreamingMessage: .sendStreamingMessage(try request.params())
            case .getTask: .getTask(try request.params())
            case .listTasks: .listTasks(try request.params())
            case .cancelTask: .cancelTask(try request.params())
            case .subscribeToTask: .subscribeToTask(try request.params())
            case .createTaskPushNotificationConfig: .createPushConfig(try request.params())
            case .getTaskPushNotificationConfig: .getPushConfig(try request.params())
            case .listTaskPushNotificationConfigs: .listPushConfigs(try request.params())
            case .deleteTaskPushNotificationConfig: .deletePushConfig(try request.params())
            case .getExtendedAgentCard: .getExtendedCard(try request.params())
            }
    }
}

// MARK: - HTTP+JSON

extension MethodRequest {
    /// Reads a request of HTTP.
    ///
    /// What the path names has precedence over the body and the query.
    ///
    /// - Parameters:
    ///   - call: What the path names.
    ///   - query: The query, percent-encoded.
    ///   - body: The body. Empty for methods that have none.
    /// - Throws: ``A2AError``: `parseError` or `invalidParams`.
    init(_ call: A2A.HTTPCall, query: String?, body: some Collection<UInt8>) throws(A2AError) {
        let parameters = A2A.QueryParameters(query)
        let tenant = call.tenant ?? parameters["tenant"]
        let task = call.taskID ?? ""
        let config = call.pushConfigID ?? ""
        switch call.method {
        case .sendMessage, .sendStreamingMessage:
            var request = try A2AJSON.decode(A2A.SendMessageRequest.self, from: body, isComplete: true)
            request.tenant = call.tenant ?? request.tenant
            self = call.method == .sendMessage ? .sendMessage(request) : .sendStreamingMessage(request)
        case .getTask: self = .getTask(try parameters.getTaskRequest(id: task, tenant: tenant))
        case .listTasks: self = .listTasks(try parameters.listTasksRequest(tenant: tenant))
        case .cancelTask:
            var request = A2A.CancelTaskRequest(id: task)
            if !body.isEmpty { request = try A2AJSON.decode(from: body) }
            request.tenant = call.tenant ?? request.tenant
            try Self.require("id", request.id, task)
            request.id = task
            self = .cancelTask(request)
        case .subscribeToTask: self = .subscribeToTask(A2A.SubscribeToTaskRequest(tenant: tenant, id: task))
        case .createTaskPushNotificationConfig:
            var request = try A2AJSON.decode(A2A.TaskPushNotificationConfig.self, from: body, isComplete: true)
            request.tenant = call.tenant ?? request.tenant
            try Self.require("taskId", request.taskID ?? "", task)
            request.taskID = task
            self = .createPushConfig(request)
        case .getTaskPushNotificationConfig:
            self = .getPushConfig(
                A2A.GetTaskPushNotificationConfigRequest(tenant: tenant, taskID: task, id: config))
        case .listTaskPushNotificationConfigs:
            self = .listPushConfigs(
                try parameters.listTaskPushNotificationConfigsRequest(taskID: task, tenant: tenant))
        case .deleteTaskPushNotificationConfig:
            self = .deletePushConfig(
                A2A.DeleteTaskPushNotificationConfigRequest(tenant: tenant, taskID: task, id: config))
        case .getExtendedAgentCard: self = .getExtendedCard(A2A.GetExtendedAgentCardRequest(tenant: tenant))
        }
    }

    /// Requires that a body does not name another task than the path.
    private static func require(_ field: String, _ named: A2A.TaskID, _ task: A2A.TaskID) throws(A2AError) {
        guard named == task || named.rawValue.isEmpty else {
            throw .invalidField(field, "the path names another task: leave it out, or send the same")
        }
    }
}

// MARK: - Access

extension A2A.Method {
    /// The role that callers of the method need.
    var requiredRole: Principal.Role {
        switch self {
        case .getTask, .listTasks, .subscribeToTask, .getTaskPushNotificationConfig, .listTaskPushNotificationConfigs,
            .getExtendedAgentCard:
            .read
        case .sendMessage, .sendStreamingMessage, .cancelTask, .createTaskPushNotificationConfig,
            .deleteTaskPushNotificationConfig:
            .call
        }
    }
}
