// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// The state of a task, with the time since when it is in that state.
    public struct TaskStatus: Sendable, Hashable {
        /// The state.
        public var state: TaskState
        /// What the agent says about the state, for example what it asks for.
        public var message: Message?
        /// When the state was recorded. It is written in milliseconds. Defaults to the current time.
        public var timestamp: Timestamp?

        /// Creates a status.
        public init(state: TaskState, message: Message? = nil, timestamp: Timestamp? = .now) {
            self.state = state
            self.message = message
            self.timestamp = timestamp
        }
    }
}
