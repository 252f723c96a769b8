// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// The parameters of a method, with what the HTTP+JSON binding needs besides.
protocol CallParameters: ProtoObject {
    var tenant: String? { get set }
    /// The task in the path.
    var pathTask: A2A.TaskID? { get }
    /// The push notification configuration in the path.
    var pathConfig: A2A.PushConfigID? { get }
    /// The query. Empty if there are no parameters.
    var query: String { get }
    /// Returns the body of the HTTP+JSON binding, or `nil` if the method has none. The fields of the path are not
    /// repeated.
    func httpBody() throws(A2AError) -> [UInt8]?
}

extension CallParameters {
    var pathTask: A2A.TaskID? { nil }
    var pathConfig: A2A.PushConfigID? { nil }
    var query: String { "" }
    func httpBody() throws(A2AError) -> [UInt8]? { nil }
}

extension A2A.SendMessageRequest: CallParameters {
    func httpBody() throws(A2AError) -> [UInt8]? { try A2AJSON.encode(self) }
}

extension A2A.GetTaskRequest: CallParameters {
    var pathTask: A2A.TaskID? { id }
}

extension A2A.ListTasksRequest: CallParameters {}

extension A2A.CancelTaskRequest: CallParameters {
    var pathTask: A2A.TaskID? { id }

    func httpBody() throws(A2AError) -> [UInt8]? {
        guard let metadata else { return Array("{}".utf8) }
        do {
            return try ACPJSON.encode(["metadata": .object(metadata)] as JSONObject)
        } catch {
            throw A2AError(.internalError, "the metadata cannot be written as JSON: \(error.message)")
        }
    }
}

extension A2A.SubscribeToTaskRequest: CallParameters {
    var pathTask: A2A.TaskID? { id }
}

extension A2A.TaskPushNotificationConfig: CallParameters {
    var pathTask: A2A.TaskID? { taskID }

    func httpBody() throws(A2AError) -> [UInt8]? {
        var body = self
        body.taskID = nil
        return try A2AJSON.encode(body)
    }
}

extension A2A.GetTaskPushNotificationConfigRequest: CallParameters {
    var pathTask: A2A.TaskID? { taskID }
    var pathConfig: A2A.PushConfigID? { id }
}

extension A2A.ListTaskPushNotificationConfigsRequest: CallParameters {
    var pathTask: A2A.TaskID? { taskID }
}

extension A2A.DeleteTaskPushNotificationConfigRequest: CallParameters {
    var pathTask: A2A.TaskID? { taskID }
    var pathConfig: A2A.PushConfigID? { id }
}

extension A2A.GetExtendedAgentCardRequest: CallParameters {}

extension A2A.Method {
    /// Whether calling the method twice has the same effect as calling it once.
    var isIdempotent: Bool {
        switch self {
        case .getTask, .listTasks, .subscribeToTask, .getTaskPushNotificationConfig,
            .listTaskPushNotificationConfigs, .deleteTaskPushNotificationConfig, .getExtendedAgentCard:
            true
        case .sendMessage, .sendStreamingMessage, .cancelTask, .createTaskPushNotificationConfig: false
        }
    }
}
