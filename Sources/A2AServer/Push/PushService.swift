// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime

/// The methods about push notification configurations, for the tasks of all agents.
struct PushService: Sendable {
    let engine: RunEngine

    func create(_ config: A2A.TaskPushNotificationConfig) async throws -> A2A.TaskPushNotificationConfig {
        throw A2AError(.pushNotificationNotSupported, "not available")
    }

    func get(_ request: A2A.GetTaskPushNotificationConfigRequest) async throws -> A2A.TaskPushNotificationConfig {
        throw A2AError(.pushNotificationNotSupported, "not available")
    }

    func list(
        _ request: A2A.ListTaskPushNotificationConfigsRequest
    ) async throws -> A2A.ListTaskPushNotificationConfigsResponse {
        throw A2AError(.pushNotificationNotSupported, "not available")
    }

    func delete(_ request: A2A.DeleteTaskPushNotificationConfigRequest) async throws {
        throw A2AError(.pushNotificationNotSupported, "not available")
    }
}
