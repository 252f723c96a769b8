// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The description of an agent: who it is, where and how it is called, and what it can do.
    ///
    /// Servers publish it at `/.well-known/agent-card.json`.
    public struct AgentCard: Sendable, Hashable {
        /// A name for people.
        public var name: String
        /// What the agent does, for people and for other agents.
        public var description: String
        /// Where the agent is called. The first is the one that it prefers. At least one is required.
        public var supportedInterfaces: [AgentInterface]
        /// Who provides the agent.
        public var provider: AgentProvider?
        /// The version of the agent.
        public var version: String
        /// Where the documentation is.
        public var documentationURL: String?
        /// What the agent supports of the protocol.
        public var capabilities: AgentCapabilities
        /// The ways to authenticate, by their names.
        public var securitySchemes: [String: SecurityScheme]
        /// The schemes that callers need. Each element is one alternative. If empty, they need none.
        public var securityRequirements: [SecurityRequirement]
        /// The media types that the agent accepts, unless a skill names others. At least one is required.
        public var defaultInputModes: [String]
        /// The media types of results, unless a skill names others. At least one is required.
        public var defaultOutputModes: [String]
        /// What the agent can do. At least one is required.
        public var skills: [AgentSkill]
        /// Signatures of the card.
        public var signatures: [AgentCardSignature]
        /// Where a picture of the agent is.
        public var iconURL: String?

        /// Creates a card.
        public init(
            name: String,
            description: String,
            supportedInterfaces: [AgentInterface],
            provider: AgentProvider? = nil,
            version: String,
            documentationURL: String? = nil,
            capabilities: AgentCapabilities,
            securitySchemes: [String: SecurityScheme] = [:],
            securityRequirements: [SecurityRequirement] = [],
            defaultInputModes: [String],
            defaultOutputModes: [String],
            skills: [AgentSkill],
            signatures: [AgentCardSignature] = [],
            iconURL: String? = nil
        ) {
            self.name = name
            self.description = description
            self.supportedInterfaces = supportedInterfaces
            self.provider = provider
            self.version = version
            self.documentationURL = documentationURL
            self.capabilities = capabilities
            self.securitySchemes = securitySchemes
            self.securityRequirements = securityRequirements
            self.defaultInputModes = defaultInputModes
            self.defaultOutputModes = defaultOutputModes
            self.skills = skills
            self.signatures = signatures
            self.iconURL = iconURL
        }
    }
}
