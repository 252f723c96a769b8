// SPDX-License-Identifier: Apache-2.0

/// Information about an agent besides its interface.
///
/// Everything is optional. Members that the specification does not define are kept in ``extra`` and written again.
public struct AgentMetadata: Sendable, Hashable {
    /// Annotations in any form.
    public var annotations: JSONObject?
    /// The full documentation, in Markdown.
    public var documentation: String?
    /// An SPDX license id, such as `Apache-2.0`.
    public var license: String?
    /// The programming language in which the agent is written.
    public var programmingLanguage: String?
    /// The languages that the agent understands, as ISO 639-1 codes such as `en`.
    public var naturalLanguages: [String]?
    /// The framework with which the agent is built.
    public var framework: String?
    /// What the agent can do.
    public var capabilities: [AgentCapability]?
    /// The domains in which the agent is used, such as `finance`.
    public var domains: [String]?
    /// Tags such as `Chat`, `RAG`, `Code`, or any other.
    public var tags: [String]?
    /// When the agent was created.
    public var createdAt: Timestamp?
    /// When the agent was last changed.
    public var updatedAt: Timestamp?
    /// The agent's author.
    public var author: Person?
    /// Other people who work on the agent.
    public var contributors: [Person]?
    /// The agent's home page, source code and the like.
    public var links: [AgentLink]?
    /// What the agent requires.
    public var dependencies: [AgentDependency]?
    /// The language models that are recommended for the agent.
    public var recommendedModels: [String]?
    /// Members that the specification does not define.
    public var extra: JSONObject

    /// Creates metadata. Everything that is not given is left out.
    public init(
        annotations: JSONObject? = nil,
        documentation: String? = nil,
        license: String? = nil,
        programmingLanguage: String? = nil,
        naturalLanguages: [String]? = nil,
        framework: String? = nil,
        capabilities: [AgentCapability]? = nil,
        domains: [String]? = nil,
        tags: [String]? = nil,
        createdAt: Timestamp? = nil,
        updatedAt: Timestamp? = nil,
        author: Person? = nil,
        contributors: [Person]? = nil,
        links: [AgentLink]? = nil,
        dependencies: [AgentDependency]? = nil,
        recommendedModels: [String]? = nil,
        extra: JSONObject = [:]
    ) {
        self.annotations = annotations
        self.documentation = documentation
        self.license = license
        self.programmingLanguage = programmingLanguage
        self.naturalLanguages = naturalLanguages
        self.framework = framework
        self.capabilities = capabilities
        self.domains = domains
        self.tags = tags
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.author = author
        self.contributors = contributors
        self.links = links
        self.dependencies = dependencies
        self.recommendedModels = recommendedModels
        self.extra = extra
    }
}

/// Something that an agent can do, described for people and language models.
public struct AgentCapability: Sendable, Hashable {
    /// The capability's name.
    public var name: String
    /// What the agent can do.
    public var description: String

    /// Creates a capability.
    public init(name: String, description: String) {
        self.name = name
        self.description = description
    }
}

extension AgentMetadata {
    /// An author or a contributor.
    public struct Person: Sendable, Hashable {
        /// The person's name.
        public var name: String
        /// The person's email address.
        public var email: String?
        /// The person's web page.
        public var url: String?

        /// Creates a person.
        public init(name: String, email: String? = nil, url: String? = nil) {
            self.name = name
            self.email = email
            self.url = url
        }
    }
}

/// A link that belongs to an agent.
public struct AgentLink: Sendable, Hashable {
    /// The kind of a link's target. The specification defines four; other strings are kept.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The kind as it is transmitted.
        public let rawValue: String

        /// Creates a kind from any string.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The agent's source code.
        public static let sourceCode = Kind(rawValue: "source-code")
        /// A container image of the agent.
        public static let containerImage = Kind(rawValue: "container-image")
        /// The agent's home page.
        public static let homepage = Kind(rawValue: "homepage")
        /// The agent's documentation.
        public static let documentation = Kind(rawValue: "documentation")
    }

    /// The kind of the link's target.
    public var type: Kind
    /// The link's target.
    public var url: String

    /// Creates a link.
    public init(type: Kind, url: String) {
        self.type = type
        self.url = url
    }
}

/// Something that an agent requires: another agent, a tool or a model.
public struct AgentDependency: Sendable, Hashable {
    /// The kind of a dependency. The specification defines three; other strings are kept.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The kind as it is transmitted.
        public let rawValue: String

        /// Creates a kind from any string.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Another agent.
        public static let agent = Kind(rawValue: "agent")
        /// A tool.
        public static let tool = Kind(rawValue: "tool")
        /// A model.
        public static let model = Kind(rawValue: "model")
    }

    /// The kind of the dependency. If `nil`, the sender left it out.
    public var type: Kind?
    /// The name of the dependency. If `nil`, the sender left it out.
    public var name: String?

    /// Creates a dependency.
    public init(type: Kind, name: String) {
        self.type = type
        self.name = name
    }
}
