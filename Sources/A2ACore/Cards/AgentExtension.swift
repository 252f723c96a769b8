// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// An extension of the protocol that an agent supports.
    public struct AgentExtension: Sendable, Hashable {
        /// The URI that names the extension.
        public var uri: String?
        /// How the agent uses the extension.
        public var description: String?
        /// Whether callers must support the extension. Defaults to `false`.
        public var isRequired: Bool
        /// Parameters that the extension defines. If `nil`, there are none.
        public var params: JSONObject?

        /// Creates an extension.
        public init(uri: String? = nil, description: String? = nil, isRequired: Bool = false, params: JSONObject? = nil)
        {
            self.uri = uri
            self.description = description
            self.isRequired = isRequired
            self.params = params
        }
    }
}
