// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentCard: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case name
        case description
        case supportedInterfaces
        case provider
        case version
        case documentationURL = "documentationUrl"
        case capabilities
        case securitySchemes
        case securityRequirements
        case defaultInputModes
        case defaultOutputModes
        case skills
        case signatures
        case iconURL = "iconUrl"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var name = ProtoMember<String>(Field.name)
        var description = ProtoMember<String>(Field.description)
        var supportedInterfaces = ProtoMember<[A2A.AgentInterface]>(Field.supportedInterfaces)
        var provider = ProtoMember<A2A.AgentProvider>(Field.provider)
        var version = ProtoMember<String>(Field.version)
        var documentationURL = ProtoMember<String>(Field.documentationURL)
        var capabilities = ProtoMember<A2A.AgentCapabilities>(Field.capabilities)
        var securitySchemes = ProtoMember<ProtoMap<A2A.SecurityScheme>>(Field.securitySchemes)
        var securityRequirements = ProtoMember<[A2A.SecurityRequirement]>(Field.securityRequirements)
        var defaultInputModes = ProtoMember<[String]>(Field.defaultInputModes)
        var defaultOutputModes = ProtoMember<[String]>(Field.defaultOutputModes)
        var skills = ProtoMember<[A2A.AgentSkill]>(Field.skills)
        var signatures = ProtoMember<[A2A.AgentCardSignature]>(Field.signatures)
        var iconURL = ProtoMember<String>(Field.iconURL)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .name: try name.read(from: &reader)
            case .description: try description.read(from: &reader)
            case .supportedInterfaces: try supportedInterfaces.read(from: &reader)
            case .provider: try provider.read(from: &reader)
            case .version: try version.read(from: &reader)
            case .documentationURL: try documentationURL.read(from: &reader)
            case .capabilities: try capabilities.read(from: &reader)
            case .securitySchemes: try securitySchemes.read(from: &reader)
            case .securityRequirements: try securityRequirements.read(from: &reader)
            case .defaultInputModes: try defaultInputModes.read(from: &reader)
            case .defaultOutputModes: try defaultOutputModes.read(from: &reader)
            case .skills: try skills.read(from: &reader)
            case .signatures: try signatures.read(from: &reader)
            case .iconURL: try iconURL.read(from: &reader)
            }
        }
        self.init(
            name: try name.optional() ?? "",
            description: try description.optional() ?? "",
            supportedInterfaces: try supportedInterfaces.optional() ?? [],
            provider: try provider.optional(),
            version: try version.optional() ?? "",
            documentationURL: try documentationURL.optional(),
            capabilities: try capabilities.optional() ?? .unset,
            securitySchemes: try securitySchemes.optional()?.entries ?? [:],
            securityRequirements: try securityRequirements.optional() ?? [],
            defaultInputModes: try defaultInputModes.optional() ?? [],
            defaultOutputModes: try defaultOutputModes.optional() ?? [],
            skills: try skills.optional() ?? [],
            signatures: try signatures.optional() ?? [],
            iconURL: try iconURL.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .name: try writer.field(field, name)
        case .description: try writer.field(field, description)
        case .supportedInterfaces: try writer.field(field, supportedInterfaces)
        case .provider: try writer.field(field, provider)
        case .version: try writer.field(field, version)
        case .documentationURL: try writer.field(field, documentationURL)
        case .capabilities: try writer.field(field, capabilities)
        case .securitySchemes: if !securitySchemes.isEmpty { try writer.field(field, ProtoMap(securitySchemes)) }
        case .securityRequirements: try writer.ifNotEmpty(field, securityRequirements)
        case .defaultInputModes: try writer.field(field, defaultInputModes)
        case .defaultOutputModes: try writer.field(field, defaultOutputModes)
        case .skills: try writer.field(field, skills)
        case .signatures: try writer.ifNotEmpty(field, signatures)
        case .iconURL: try writer.field(field, iconURL)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.name, name)
        check.text(Field.description, description)
        check.list(Field.supportedInterfaces, isEmpty: supportedInterfaces.isEmpty)
        check.objects(Field.supportedInterfaces, supportedInterfaces)
        check.object(Field.provider, provider)
        check.text(Field.version, version)
        check.object(Field.capabilities, capabilities)
        check.inside(Field.securitySchemes.name) { check in
            for (name, value) in securitySchemes.sorted(by: { $0.key < $1.key }) {
                check.inside(name) { value.check(&$0) }
            }
        }
        check.list(Field.defaultInputModes, isEmpty: defaultInputModes.isEmpty)
        check.list(Field.defaultOutputModes, isEmpty: defaultOutputModes.isEmpty)
        check.list(Field.skills, isEmpty: skills.isEmpty)
        check.objects(Field.skills, skills)
        check.objects(Field.signatures, signatures)
    }
}
