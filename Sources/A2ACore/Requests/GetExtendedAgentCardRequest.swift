// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Asks for the card that an agent shows to callers whom it knows.
    public struct GetExtendedAgentCardRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?

        /// Creates a request.
        public init(tenant: String? = nil) {
            self.tenant = tenant
        }
    }
}
