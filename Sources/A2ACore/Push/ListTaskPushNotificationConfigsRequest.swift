// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Asks for the push notification configurations of a task.
    public struct ListTaskPushNotificationConfigsRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The task.
        public var taskID: TaskID
        /// How many configurations to return at most. If `nil` or 0, the server decides.
        public var pageSize: Int?
        /// Where to continue: ``ListTaskPushNotificationConfigsResponse/nextPageToken`` of the page before. If `nil`, the first
        /// page is returned.
        public var pageToken: String?

        /// Creates a request.
        public init(tenant: String? = nil, taskID: TaskID, pageSize: Int? = nil, pageToken: String? = nil) {
            self.tenant = tenant
            self.taskID = taskID
            self.pageSize = pageSize
            self.pageToken = pageToken
        }
    }
}
