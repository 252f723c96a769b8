// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Asks to delete a push notification configuration of a task.
    public struct DeleteTaskPushNotificationConfigRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The task.
        public var taskID: TaskID
        /// The configuration.
        public var id: PushConfigID

        /// Creates a request.
        public init(tenant: String? = nil, taskID: TaskID, id: PushConfigID) {
            self.tenant = tenant
            self.taskID = taskID
            self.id = id
        }
    }
}
