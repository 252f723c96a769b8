// SPDX-License-Identifier: Apache-2.0

/// What is known of an agent besides its interface. Everything is optional; keys that the specification does not name are
/// kept in ``extra`` and given back.
public struct AgentMetadata: Sendable, Hashable {
    /// Free annotations, kept whole.
    public var annotations: JSONObject?
    /// The full documentation, in Markdown.
    public var documentation: String?
    /// An SPDX license id, such as `Apache-2.0`.
    public var license: String?
    public var programmingLanguage: String?
    /// ISO 639-1 codes, such as `en`.
    public var naturalLanguages: [String]?
    public var framework: String?
    public var capabilities: [AgentCapability]?
    /// Fields of use, such as `finance`.
    public var domains: [String]?
    /// Such as `Chat`, `RAG`, `Code`, or any other.
    public var tags: [String]?
    public var createdAt: Timestamp?
    public var updatedAt: Timestamp?
    public var author: Person?
    public var contributors: [Person]?
    public var links: [AgentLink]?
    public var dependencies: [AgentDependency]?
    public var recommendedModels: [String]?
    /// Keys that the specification does not name.
    public var extra: JSONObject

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

/// Something that an agent can do, in words that people and language models read.
public struct AgentCapability: Sendable, Hashable {
    public var name: String
    public var description: String

    public init(name: String, description: String) {
        self.name = name
        self.description = description
    }
}

/// An author or a contributor.
public struct Person: Sendable, Hashable {
    public var name: String
    public var email: String?
    public var url: String?

    public init(name: String, email: String? = nil, url: String? = nil) {
        self.name = name
        self.email = email
        self.url = url
    }
}

/// A link that belongs to an agent.
public struct AgentLink: Sendable, Hashable {
    /// What the link leads to. The specification names four; other strings are kept.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        public static let sourceCode = Kind(rawValue: "source-code")
        public static let containerImage = Kind(rawValue: "container-image")
        public static let homepage = Kind(rawValue: "homepage")
        public static let documentation = Kind(rawValue: "documentation")
    }

    public var type: Kind
    public var url: String

    public init(type: Kind, url: String) {
        self.type = type
        self.url = url
    }
}

/// Something that an agent needs: another agent, a tool, a model.
public struct AgentDependency: Sendable, Hashable {
    /// What is needed. The specification names three; other strings are kept.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        public static let agent = Kind(rawValue: "agent")
        public static let tool = Kind(rawValue: "tool")
        public static let model = Kind(rawValue: "model")
    }

    public var type: Kind?
    public var name: String?

    public init(type: Kind, name: String) {
        self.type = type
        self.name = name
    }
}
