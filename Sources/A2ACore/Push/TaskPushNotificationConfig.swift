// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Where a server sends the events of a task, besides to those who are connected.
    public struct TaskPushNotificationConfig: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The identifier, which no other configuration of the task has. If `nil`, the server chooses one.
        public var id: PushConfigID?
        /// The task. It is `nil` in a configuration that is sent along with a message.
        public var taskID: TaskID?
        /// The URL that events are posted to.
        public var url: String
        /// A text that is sent along with each event, so that the receiver knows that it has asked for it.
        public var token: String?
        /// How the server authenticates to the receiver. If `nil`, it does not.
        public var authentication: AuthenticationInfo?

        /// Creates a configuration.
        public init(
            tenant: String? = nil,
            id: PushConfigID? = nil,
            taskID: TaskID? = nil,
            url: String,
            token: String? = nil,
            authentication: AuthenticationInfo? = nil
        ) {
            self.tenant = tenant
            self.id = id
            self.taskID = taskID
            self.url = url
            self.token = token
            self.authentication = authentication
        }
    }
}
