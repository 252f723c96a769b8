// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentSkill: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case id
        case name
        case description
        case tags
        case examples
        case inputModes
        case outputModes
        case securityRequirements
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var id = ProtoMember<String>(Field.id)
        var name = ProtoMember<String>(Field.name)
        var description = ProtoMember<String>(Field.description)
        var tags = ProtoMember<[String]>(Field.tags)
        var examples = ProtoMember<[String]>(Field.examples)
        var inputModes = ProtoMember<[String]>(Field.inputModes)
        var outputModes = ProtoMember<[String]>(Field.outputModes)
        var securityRequirements = ProtoMember<[A2A.SecurityRequirement]>(Field.securityRequirements)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            case .name: try name.read(from: &reader)
            case .description: try description.read(from: &reader)
            case .tags: try tags.read(from: &reader)
            case .examples: try examples.read(from: &reader)
            case .inputModes: try inputModes.read(from: &reader)
            case .outputModes: try outputModes.read(from: &reader)
            case .securityRequirements: try securityRequirements.read(from: &reader)
            }
        }
        self.init(
            id: try id.optional() ?? "",
            name: try name.optional() ?? "",
            description: try description.optional() ?? "",
            tags: try tags.optional() ?? [],
            examples: try examples.optional() ?? [],
            inputModes: try inputModes.optional() ?? [],
            outputModes: try outputModes.optional() ?? [],
            securityRequirements: try securityRequirements.optional() ?? [])
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .id: try writer.field(field, id)
        case .name: try writer.field(field, name)
        case .description: try writer.field(field, description)
        case .tags: try writer.field(field, tags)
        case .examples: try writer.ifNotEmpty(field, examples)
        case .inputModes: try writer.ifNotEmpty(field, inputModes)
        case .outputModes: try writer.ifNotEmpty(field, outputModes)
        case .securityRequirements: try writer.ifNotEmpty(field, securityRequirements)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.id, id)
        check.text(Field.name, name)
        check.text(Field.description, description)
        check.list(Field.tags, isEmpty: tags.isEmpty)
    }
}
