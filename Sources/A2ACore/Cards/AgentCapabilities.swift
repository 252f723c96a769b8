// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// What an agent supports of the protocol.
    public struct AgentCapabilities: Sendable, Hashable {
        /// Whether responses can be streamed. If `nil`, they cannot.
        public var streaming: Bool?
        /// Whether events can be pushed to a URL. If `nil`, they cannot.
        public var pushNotifications: Bool?
        /// The extensions of the protocol that the agent supports.
        public var extensions: [AgentExtension]
        /// Whether callers whom the agent knows get a card with more in it. If `nil`, they do not.
        public var extendedAgentCard: Bool?

        /// Creates capabilities.
        public init(
            streaming: Bool? = nil,
            pushNotifications: Bool? = nil,
            extensions: [AgentExtension] = [],
            extendedAgentCard: Bool? = nil
        ) {
            self.streaming = streaming
            self.pushNotifications = pushNotifications
            self.extensions = extensions
            self.extendedAgentCard = extendedAgentCard
        }
    }
}
