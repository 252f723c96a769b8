// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// Sends a message to an agent.
    public struct SendMessageRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The message.
        public var message: Message
        /// What the client wishes of the response. If `nil`, all has its default.
        public var configuration: SendMessageConfiguration?
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?

        /// Creates a request.
        public init(
            tenant: String? = nil,
            message: Message,
            configuration: SendMessageConfiguration? = nil,
            metadata: JSONObject? = nil
        ) {
            self.tenant = tenant
            self.message = message
            self.configuration = configuration
            self.metadata = metadata
        }
    }
}
