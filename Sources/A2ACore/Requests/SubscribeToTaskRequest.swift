// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Asks for the events of a task.
    public struct SubscribeToTaskRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The task.
        public var id: TaskID

        /// Creates a request.
        public init(tenant: String? = nil, id: TaskID) {
            self.tenant = tenant
            self.id = id
        }
    }
}
