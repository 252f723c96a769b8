// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// A change of the state of a task.
    public struct TaskStatusUpdateEvent: Sendable, Hashable {
        /// The task.
        public var taskID: TaskID
        /// The conversation that the task belongs to.
        public var contextID: ContextID
        /// The new state.
        public var status: TaskStatus
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?

        /// Creates an event.
        public init(taskID: TaskID, contextID: ContextID, status: TaskStatus, metadata: JSONObject? = nil) {
            self.taskID = taskID
            self.contextID = contextID
            self.status = status
            self.metadata = metadata
        }
    }
}
