// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Push notification configurations of a task.
    public struct ListTaskPushNotificationConfigsResponse: Sendable, Hashable {
        /// The configurations.
        public var configs: [TaskPushNotificationConfig]
        /// Where the next page begins. If `nil`, this is the last one.
        public var nextPageToken: String?

        /// Creates a response.
        public init(configs: [TaskPushNotificationConfig] = [], nextPageToken: String? = nil) {
            self.configs = configs
            self.nextPageToken = nextPageToken
        }
    }
}
