// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// What a client wishes of the response to a message.
    public struct SendMessageConfiguration: Sendable, Hashable {
        /// The media types that the client accepts in results. If empty, it accepts all.
        public var acceptedOutputModes: [String]
        /// Where the events of the task are sent as well. If `nil`, nowhere.
        public var pushNotificationConfig: TaskPushNotificationConfig?
        /// How many messages of the history the response holds at most, the newest ones. If `nil`, there is no limit; if 0, it
        /// holds none.
        public var historyLength: Int?
        /// Whether the response is sent as soon as there is a task. If `false`, which is the default, it is sent when the task
        /// has ended or needs its client.
        public var returnsImmediately: Bool

        /// Creates a configuration.
        public init(
            acceptedOutputModes: [String] = [],
            pushNotificationConfig: TaskPushNotificationConfig? = nil,
            historyLength: Int? = nil,
            returnsImmediately: Bool = false
        ) {
            self.acceptedOutputModes = acceptedOutputModes
            self.pushNotificationConfig = pushNotificationConfig
            self.historyLength = historyLength
            self.returnsImmediately = returnsImmediately
        }
    }
}
