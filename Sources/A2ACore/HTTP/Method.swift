// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The methods of the protocol. The raw value is the name in JSON-RPC and in gRPC.
    public enum Method: String, Sendable, Hashable, CaseIterable {
        /// Sends a message, and returns a task or a message.
        case sendMessage = "SendMessage"
        /// Sends a message, and returns a stream.
        case sendStreamingMessage = "SendStreamingMessage"
        /// Returns a task.
        case getTask = "GetTask"
        /// Returns a page of tasks.
        case listTasks = "ListTasks"
        /// Cancels a task.
        case cancelTask = "CancelTask"
        /// Returns the events of a task as a stream.
        case subscribeToTask = "SubscribeToTask"
        /// Adds a push notification configuration to a task.
        case createTaskPushNotificationConfig = "CreateTaskPushNotificationConfig"
        /// Returns a push notification configuration of a task.
        case getTaskPushNotificationConfig = "GetTaskPushNotificationConfig"
        /// Returns the push notification configurations of a task.
        case listTaskPushNotificationConfigs = "ListTaskPushNotificationConfigs"
        /// Deletes a push notification configuration of a task.
        case deleteTaskPushNotificationConfig = "DeleteTaskPushNotificationConfig"
        /// Returns the card that an agent shows to callers whom it knows.
        case getExtendedAgentCard = "GetExtendedAgentCard"

        /// Whether the response is a stream.
        public var isStreaming: Bool { self == .sendStreamingMessage || self == .subscribeToTask }

        /// Whether it is about push notification configurations.
        public var isAboutPushNotifications: Bool {
            switch self {
            case .createTaskPushNotificationConfig, .getTaskPushNotificationConfig, .listTaskPushNotificationConfigs,
                .deleteTaskPushNotificationConfig:
                true
            default: false
            }
        }

        /// The verbs of HTTP with which it is called. Clients use the first.
        ///
        /// The texts of the specification disagree about subscriptions, so servers accept both verbs.
        public var verbs: [String] {
            switch self {
            case .sendMessage, .sendStreamingMessage, .cancelTask, .createTaskPushNotificationConfig: ["POST"]
            case .subscribeToTask: ["POST", "GET"]
            case .getTask, .listTasks, .getTaskPushNotificationConfig, .listTaskPushNotificationConfigs,
                .getExtendedAgentCard:
                ["GET"]
            case .deleteTaskPushNotificationConfig: ["DELETE"]
            }
        }

        /// The path behind the URL of the interface, with names in braces for its variables. `/{tenant}` may precede it.
        public var pathTemplate: String {
            switch self {
            case .sendMessage: "/message:send"
            case .sendStreamingMessage: "/message:stream"
            case .getTask: "/tasks/{id}"
            case .listTasks: "/tasks"
            case .cancelTask: "/tasks/{id}:cancel"
            case .subscribeToTask: "/tasks/{id}:subscribe"
            case .createTaskPushNotificationConfig, .listTaskPushNotificationConfigs:
                "/tasks/{taskId}/pushNotificationConfigs"
            case .getTaskPushNotificationConfig, .deleteTaskPushNotificationConfig:
                "/tasks/{taskId}/pushNotificationConfigs/{id}"
            case .getExtendedAgentCard: "/extendedAgentCard"
            }
        }
    }
}
