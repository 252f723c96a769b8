// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Something that an agent can do.
    public struct AgentSkill: Sendable, Hashable {
        /// The identifier, which no other skill of the agent has.
        public var id: String
        /// A name for people.
        public var name: String
        /// What the skill does.
        public var description: String
        /// Keywords. At least one is required.
        public var tags: [String]
        /// Prompts or scenarios that the skill handles.
        public var examples: [String]
        /// The media types that the skill accepts. If empty, those of the agent apply.
        public var inputModes: [String]
        /// The media types of the results. If empty, those of the agent apply.
        public var outputModes: [String]
        /// The schemes that callers need for this skill. Each element is one alternative.
        public var securityRequirements: [SecurityRequirement]

        /// Creates a skill.
        public init(
            id: String,
            name: String,
            description: String,
            tags: [String],
            examples: [String] = [],
            inputModes: [String] = [],
            outputModes: [String] = [],
            securityRequirements: [SecurityRequirement] = []
        ) {
            self.id = id
            self.name = name
            self.description = description
            self.tags = tags
            self.examples = examples
            self.inputModes = inputModes
            self.outputModes = outputModes
            self.securityRequirements = securityRequirements
        }
    }
}
