// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// One unit of communication between a client and an agent.
    ///
    /// A client leaves ``contextID`` and ``taskID`` out to begin something new, and sets ``taskID`` to continue a task.
    public struct Message: Sendable, Hashable {
        /// The identifier of the message, which its sender chooses.
        public var id: MessageID
        /// The conversation that the message belongs to. If `nil`, the server chooses one.
        public var contextID: ContextID?
        /// The task that the message belongs to. If `nil`, it belongs to none yet.
        public var taskID: TaskID?
        /// Who sends the message.
        public var role: Role
        /// The content. At least one part is required.
        public var parts: [Part]
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?
        /// The URIs of the extensions that contributed to the message.
        public var extensions: [String]
        /// Other tasks that the message refers to.
        public var referenceTaskIDs: [TaskID]

        /// Creates a message.
        public init(
            id: MessageID = MessageID(),
            contextID: ContextID? = nil,
            taskID: TaskID? = nil,
            role: Role,
            parts: [Part],
            metadata: JSONObject? = nil,
            extensions: [String] = [],
            referenceTaskIDs: [TaskID] = []
        ) {
            self.id = id
            self.contextID = contextID
            self.taskID = taskID
            self.role = role
            self.parts = parts
            self.metadata = metadata
            self.extensions = extensions
            self.referenceTaskIDs = referenceTaskIDs
        }

        /// The text of all parts that are text, joined.
        public var text: String { parts.lazy.compactMap(\.text).joined() }
    }
}
