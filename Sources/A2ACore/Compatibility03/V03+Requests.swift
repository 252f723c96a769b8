// SPDX-License-Identifier: Apache-2.0

import ACPCore

// Parameters of methods of version 0.3.

extension A2A.V03 {
    /// Returns the parameters of `message/send` and `message/stream`.
    public static func object(_ request: A2A.SendMessageRequest) -> JSONObject {
        var object: JSONObject = ["message": .object(Self.object(request.message))]
        if let configuration = request.configuration {
            var members: JSONObject = ["blocking": .bool(!configuration.returnsImmediately)]
            members.set("acceptedOutputModes", configuration.acceptedOutputModes)
            // Zero is no limit in version 0.3.
            members.set("historyLength", configuration.historyLength == 0 ? nil : configuration.historyLength)
            members.set("pushNotificationConfig", configuration.pushNotificationConfig.map { pushConfig($0) })
            object["configuration"] = .object(members)
        } else {
            object["configuration"] = ["blocking": true]
        }
        object.set("metadata", request.metadata)
        return object
    }

    /// Reads the parameters of `message/send` and `message/stream`.
    ///
    /// A client that does not set `blocking` does not wait: ``A2A/SendMessageConfiguration/returnsImmediately`` is `true` then.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func sendMessageRequest(_ object: JSONObject) throws(A2AError) -> A2A.SendMessageRequest {
        let reader = V03Reader(object)
        var request = A2A.SendMessageRequest(message: .unset, metadata: try reader.object("metadata"))
        if let message = try reader.reader("message") { request.message = try Self.message(message) }
        var configuration = A2A.SendMessageConfiguration(returnsImmediately: true)
        if let members = try reader.reader("configuration") {
            let historyLength = try members.integer("historyLength")
            configuration.acceptedOutputModes = try members.texts("acceptedOutputModes")
            configuration.historyLength = historyLength == 0 ? nil : historyLength
            configuration.returnsImmediately = !(try members.bool("blocking") ?? false)
            if let config = try members.reader("pushNotificationConfig") {
                configuration.pushNotificationConfig = try pushConfig(config, taskID: nil)
            }
        }
        request.configuration = configuration
        return request
    }

    /// Returns the parameters of `tasks/get`.
    public static func object(_ request: A2A.GetTaskRequest) -> JSONObject {
        var object: JSONObject = ["id": .string(request.id.rawValue)]
        object.set("historyLength", request.historyLength == 0 ? nil : request.historyLength)
        return object
    }

    /// Reads the parameters of `tasks/get`.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func getTaskRequest(_ object: JSONObject) throws(A2AError) -> A2A.GetTaskRequest {
        let reader = V03Reader(object)
        let historyLength = try reader.integer("historyLength")
        return A2A.GetTaskRequest(
            id: try taskID(reader, "id"), historyLength: historyLength == 0 ? nil : historyLength)
    }

    /// Returns the parameters of `tasks/cancel`.
    public static func object(_ request: A2A.CancelTaskRequest) -> JSONObject {
        var object: JSONObject = ["id": .string(request.id.rawValue)]
        object.set("metadata", request.metadata)
        return object
    }

    /// Reads the parameters of `tasks/cancel`.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func cancelTaskRequest(_ object: JSONObject) throws(A2AError) -> A2A.CancelTaskRequest {
        let reader = V03Reader(object)
        return A2A.CancelTaskRequest(id: try taskID(reader, "id"), metadata: try reader.object("metadata"))
    }

    /// Returns the parameters of `tasks/resubscribe`.
    public static func object(_ request: A2A.SubscribeToTaskRequest) -> JSONObject {
        ["id": .string(request.id.rawValue)]
    }

    /// Reads the parameters of `tasks/resubscribe`.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func subscribeToTaskRequest(_ object: JSONObject) throws(A2AError) -> A2A.SubscribeToTaskRequest {
        A2A.SubscribeToTaskRequest(id: try taskID(V03Reader(object), "id"))
    }

    private static func taskID(_ reader: V03Reader, _ name: String) throws(A2AError) -> A2A.TaskID {
        A2A.TaskID(rawValue: try reader.requiredText(name))
    }

    // MARK: Push notifications

    /// Returns a push notification configuration of a task: the parameters and the result of `tasks/pushNotificationConfig/set`.
    public static func object(_ config: A2A.TaskPushNotificationConfig) -> JSONObject {
        ["taskId": .string(config.taskID?.rawValue ?? ""), "pushNotificationConfig": .object(pushConfig(config))]
    }

    /// Reads a push notification configuration of a task.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func taskPushNotificationConfig(
        _ object: JSONObject
    ) throws(A2AError) -> A2A.TaskPushNotificationConfig {
        let reader = V03Reader(object)
        let taskID = try taskID(reader, "taskId").ifNotEmpty
        guard let config = try reader.reader("pushNotificationConfig") else {
            return A2A.TaskPushNotificationConfig(taskID: taskID, url: "")
        }
        return try pushConfig(config, taskID: taskID)
    }

    private static func pushConfig(_ config: A2A.TaskPushNotificationConfig) -> JSONObject {
        var object: JSONObject = ["url": .string(config.url)]
        object.set("id", config.id?.rawValue)
        object.set("token", config.token)
        if let authentication = config.authentication {
            var members: JSONObject = ["schemes": [.string(authentication.scheme)]]
            members.set("credentials", authentication.credentials)
            object["authentication"] = .object(members)
        }
        return object
    }

    /// Of several schemes the first counts: version 1.0 has one.
    private static func pushConfig(
        _ reader: V03Reader, taskID: A2A.TaskID?
    ) throws(A2AError) -> A2A.TaskPushNotificationConfig {
        var authentication: A2A.AuthenticationInfo?
        if let members = try reader.reader("authentication") {
            authentication = A2A.AuthenticationInfo(
                scheme: try members.texts("schemes").first ?? "",
                credentials: try members.text("credentials")?.ifNotEmpty)
        }
        return A2A.TaskPushNotificationConfig(
            id: try reader.text("id").map(A2A.PushConfigID.init(rawValue:))?.ifNotEmpty, taskID: taskID,
            url: try reader.requiredText("url"), token: try reader.text("token")?.ifNotEmpty,
            authentication: authentication)
    }

    /// Returns the parameters of `tasks/pushNotificationConfig/get`.
    public static func object(_ request: A2A.GetTaskPushNotificationConfigRequest) -> JSONObject {
        var object: JSONObject = ["id": .string(request.taskID.rawValue)]
        object.set("pushNotificationConfigId", request.id.ifNotEmpty?.rawValue)
        return object
    }

    /// Reads the parameters of `tasks/pushNotificationConfig/get`. The identifier of the configuration is empty if there is none,
    /// which means the only one.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func getTaskPushNotificationConfigRequest(
        _ object: JSONObject
    ) throws(A2AError) -> A2A.GetTaskPushNotificationConfigRequest {
        let reader = V03Reader(object)
        return A2A.GetTaskPushNotificationConfigRequest(
            taskID: try taskID(reader, "id"),
            id: A2A.PushConfigID(rawValue: try reader.requiredText("pushNotificationConfigId")))
    }

    /// Returns the parameters of `tasks/pushNotificationConfig/delete`.
    public static func object(_ request: A2A.DeleteTaskPushNotificationConfigRequest) -> JSONObject {
        ["id": .string(request.taskID.rawValue), "pushNotificationConfigId": .string(request.id.rawValue)]
    }

    /// Reads the parameters of `tasks/pushNotificationConfig/delete`.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func deleteTaskPushNotificationConfigRequest(
        _ object: JSONObject
    ) throws(A2AError) -> A2A.DeleteTaskPushNotificationConfigRequest {
        let reader = V03Reader(object)
        return A2A.DeleteTaskPushNotificationConfigRequest(
            taskID: try taskID(reader, "id"),
            id: A2A.PushConfigID(rawValue: try reader.requiredText("pushNotificationConfigId")))
    }

    /// Returns the parameters of `tasks/pushNotificationConfig/list`. There are no pages.
    public static func object(_ request: A2A.ListTaskPushNotificationConfigsRequest) -> JSONObject {
        ["id": .string(request.taskID.rawValue)]
    }

    /// Reads the parameters of `tasks/pushNotificationConfig/list`.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func listTaskPushNotificationConfigsRequest(
        _ object: JSONObject
    ) throws(A2AError) -> A2A.ListTaskPushNotificationConfigsRequest {
        A2A.ListTaskPushNotificationConfigsRequest(taskID: try taskID(V03Reader(object), "id"))
    }

    /// Returns the result of `tasks/pushNotificationConfig/list`.
    public static func array(_ response: A2A.ListTaskPushNotificationConfigsResponse) -> JSONValue {
        .array(response.configs.map { .object(object($0)) })
    }
}
