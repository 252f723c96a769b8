// SPDX-License-Identifier: Apache-2.0

import A2ACore

extension A2AClient {
    /// Adds a push notification configuration to a task, or replaces the one with the same id.
    ///
    /// ``WebhookReceiver`` verifies and reads what the server then sends. A configuration can also be part of the
    /// `SendMessageConfiguration` of a message, so that no event is missed.
    ///
    /// - Parameters:
    ///   - config: The configuration. If it has no id, the server chooses one.
    ///   - task: The task.
    /// - Returns: The configuration as the server has stored it.
    /// - Throws: ``A2AClientError`` with code `serverError` and the server's code `pushNotificationNotSupported` if the
    ///   agent sends none.
    @discardableResult
    public func createPushConfig(
        _ config: A2A.TaskPushNotificationConfig, for task: A2A.TaskID
    ) async throws -> A2A.TaskPushNotificationConfig {
        var config = config
        config.taskID = task
        return try await link.call(
            .createTaskPushNotificationConfig, config, as: A2A.TaskPushNotificationConfig.self)
    }

    /// Returns a push notification configuration of a task.
    public func pushConfig(
        _ id: A2A.PushConfigID, of task: A2A.TaskID
    ) async throws -> A2A.TaskPushNotificationConfig {
        try await link.call(
            .getTaskPushNotificationConfig, A2A.GetTaskPushNotificationConfigRequest(taskID: task, id: id),
            as: A2A.TaskPushNotificationConfig.self)
    }

    /// Returns all push notification configurations of a task, which are read page by page.
    public func pushConfigs(of task: A2A.TaskID) async throws -> [A2A.TaskPushNotificationConfig] {
        var configs: [A2A.TaskPushNotificationConfig] = []
        var request = A2A.ListTaskPushNotificationConfigsRequest(taskID: task)
        while true {
            let page = try await link.call(
                .listTaskPushNotificationConfigs, request, as: A2A.ListTaskPushNotificationConfigsResponse.self)
            configs += page.configs
            // A server that ignores the token would return its first page forever.
            guard let token = page.nextPageToken, !token.isEmpty, token != request.pageToken else { return configs }
            request.pageToken = token
        }
    }

    /// Deletes a push notification configuration of a task. It is not an error if there is none.
    public func deletePushConfig(_ id: A2A.PushConfigID, of task: A2A.TaskID) async throws {
        let endpoint = try await link.endpoint()
        let parameters = A2A.DeleteTaskPushNotificationConfigRequest(taskID: task, id: id)
        let request = try endpoint.request(.deleteTaskPushNotificationConfig, parameters)
        let reader = link.reader(request, isJSONRPC: endpoint.isJSONRPC, taskID: task)
        // The result is empty, which servers write in different ways.
        _ = try reader.result(try await link.send(request, taskID: task))
    }
}
