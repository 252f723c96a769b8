// SPDX-License-Identifier: Apache-2.0

extension AgentMetadata: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case annotations
        case documentation
        case license
        case programmingLanguage = "programming_language"
        case naturalLanguages = "natural_languages"
        case framework
        case capabilities
        case domains
        case tags
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case author
        case contributors
        case links
        case dependencies
        case recommendedModels = "recommended_models"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var annotations = JSONMember<JSONObject>(Field.annotations)
        var documentation = JSONMember<String>(Field.documentation)
        var license = JSONMember<String>(Field.license)
        var programmingLanguage = JSONMember<String>(Field.programmingLanguage)
        var naturalLanguages = JSONMember<[String]>(Field.naturalLanguages)
        var framework = JSONMember<String>(Field.framework)
        var capabilities = JSONMember<[AgentCapability]>(Field.capabilities)
        var domains = JSONMember<[String]>(Field.domains)
        var tags = JSONMember<[String]>(Field.tags)
        var createdAt = JSONMember<Timestamp>(Field.createdAt)
        var updatedAt = JSONMember<Timestamp>(Field.updatedAt)
        var author = JSONMember<Person>(Field.author)
        var contributors = JSONMember<[Person]>(Field.contributors)
        var links = JSONMember<[AgentLink]>(Field.links)
        var dependencies = JSONMember<[AgentDependency]>(Field.dependencies)
        var recommendedModels = JSONMember<[String]>(Field.recommendedModels)
        var extra = JSONObject()
        try reader.beginObject()
        while let field = try reader.nextField(Field.self, othersIn: &extra) {
            switch field {
            case .annotations: try annotations.read(from: &reader)
            case .documentation: try documentation.read(from: &reader)
            case .license: try license.read(from: &reader)
            case .programmingLanguage: try programmingLanguage.read(from: &reader)
            case .naturalLanguages: try naturalLanguages.read(from: &reader)
            case .framework: try framework.read(from: &reader)
            case .capabilities: try capabilities.read(from: &reader)
            case .domains: try domains.read(from: &reader)
            case .tags: try tags.read(from: &reader)
            case .createdAt: try createdAt.read(from: &reader)
            case .updatedAt: try updatedAt.read(from: &reader)
            case .author: try author.read(from: &reader)
            case .contributors: try contributors.read(from: &reader)
            case .links: try links.read(from: &reader)
            case .dependencies: try dependencies.read(from: &reader)
            case .recommendedModels: try recommendedModels.read(from: &reader)
            }
        }
        self.init(
            annotations: try annotations.optional(),
            documentation: try documentation.optional(),
            license: try license.optional(),
            programmingLanguage: try programmingLanguage.optional(),
            naturalLanguages: try naturalLanguages.optional(),
            framework: try framework.optional(),
            capabilities: try capabilities.optional(),
            domains: try domains.optional(),
            tags: try tags.optional(),
            createdAt: try createdAt.optional(),
            updatedAt: try updatedAt.optional(),
            author: try author.optional(),
            contributors: try contributors.optional(),
            links: try links.optional(),
            dependencies: try dependencies.optional(),
            recommendedModels: try recommendedModels.optional(),
            extra: extra)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .annotations: try writer.member(field, annotations)
        case .documentation: try writer.member(field, documentation)
        case .license: try writer.member(field, license)
        case .programmingLanguage: try writer.member(field, programmingLanguage)
        case .naturalLanguages: try writer.member(field, naturalLanguages)
        case .framework: try writer.member(field, framework)
        case .capabilities: try writer.member(field, capabilities)
        case .domains: try writer.member(field, domains)
        case .tags: try writer.member(field, tags)
        case .createdAt: try writer.member(field, createdAt)
        case .updatedAt: try writer.member(field, updatedAt)
        case .author: try writer.member(field, author)
        case .contributors: try writer.member(field, contributors)
        case .links: try writer.member(field, links)
        case .dependencies: try writer.member(field, dependencies)
        case .recommendedModels: try writer.member(field, recommendedModels)
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        try writeFields(to: &writer)
        if !extra.isEmpty { try writer.members(extra, except: Field.self) }
        writer.endObject()
    }
}
