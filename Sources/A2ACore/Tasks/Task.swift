// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// A unit of work of an agent: its state, its results, and the messages that were exchanged about it.
    public struct Task: Sendable, Hashable {
        /// The identifier of the task, which the server chooses.
        public var id: TaskID
        /// The conversation that the task belongs to. If `nil`, the server has told none.
        public var contextID: ContextID?
        /// The current state.
        public var status: TaskStatus
        /// The results so far.
        public var artifacts: [Artifact]
        /// The messages of the task, oldest first, as many as were asked for.
        public var history: [Message]
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?

        /// Creates a task.
        public init(
            id: TaskID,
            contextID: ContextID? = nil,
            status: TaskStatus,
            artifacts: [Artifact] = [],
            history: [Message] = [],
            metadata: JSONObject? = nil
        ) {
            self.id = id
            self.contextID = contextID
            self.status = status
            self.artifacts = artifacts
            self.history = history
            self.metadata = metadata
        }
    }
}
