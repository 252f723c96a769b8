// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Asks for a task.
    public struct GetTaskRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The task.
        public var id: TaskID
        /// How many messages of the history the response holds at most, the newest ones. If `nil`, there is no limit; if 0, it
        /// holds none.
        public var historyLength: Int?

        /// Creates a request.
        public init(tenant: String? = nil, id: TaskID, historyLength: Int? = nil) {
            self.tenant = tenant
            self.id = id
            self.historyLength = historyLength
        }
    }
}
