// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// An artifact of a task that is new, replaced, or has grown.
    public struct TaskArtifactUpdateEvent: Sendable, Hashable {
        /// The task.
        public var taskID: TaskID
        /// The conversation that the task belongs to.
        public var contextID: ContextID
        /// The artifact, or the parts that are added to it.
        public var artifact: Artifact
        /// Whether the parts are added to the artifact with the same identifier, which was sent before. If `false`, which is
        /// the default, the artifact is new or replaces the one before.
        public var isAppended: Bool
        /// Whether the artifact is complete with this event. Defaults to `false`.
        public var isLastChunk: Bool
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?

        /// Creates an event.
        public init(
            taskID: TaskID,
            contextID: ContextID,
            artifact: Artifact,
            isAppended: Bool = false,
            isLastChunk: Bool = false,
            metadata: JSONObject? = nil
        ) {
            self.taskID = taskID
            self.contextID = contextID
            self.artifact = artifact
            self.isAppended = isAppended
            self.isLastChunk = isLastChunk
            self.metadata = metadata
        }
    }
}
