// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// Asks to cancel a task.
    public struct CancelTaskRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The task.
        public var id: TaskID
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?

        /// Creates a request.
        public init(tenant: String? = nil, id: TaskID, metadata: JSONObject? = nil) {
            self.tenant = tenant
            self.id = id
            self.metadata = metadata
        }
    }
}
