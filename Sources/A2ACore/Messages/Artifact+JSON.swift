// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.Artifact: ProtoMessage {
    /// What stands for an object that is missing where one is required.
    static let unset = A2A.Artifact(id: "", parts: [])

    package enum Field: JSONName, JSONField {
        case id = "artifactId"
        case name
        case description
        case parts
        case metadata
        case extensions
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var id = ProtoMember<A2A.ArtifactID>(Field.id)
        var name = ProtoMember<String>(Field.name)
        var description = ProtoMember<String>(Field.description)
        var parts = ProtoMember<[A2A.Part]>(Field.parts)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        var extensions = ProtoMember<[String]>(Field.extensions)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            case .name: try name.read(from: &reader)
            case .description: try description.read(from: &reader)
            case .parts: try parts.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            case .extensions: try extensions.read(from: &reader)
            }
        }
        self.init(
            id: try id.optional() ?? "",
            name: try name.optional()?.ifNotEmpty,
            description: try description.optional()?.ifNotEmpty,
            parts: try parts.optional() ?? [],
            metadata: try metadata.optional(),
            extensions: try extensions.optional() ?? [])
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .id: try writer.field(field, id)
        case .name: try writer.ifNotEmpty(field, name)
        case .description: try writer.ifNotEmpty(field, description)
        case .parts: try writer.field(field, parts)
        case .metadata: try writer.field(field, metadata)
        case .extensions: try writer.ifNotEmpty(field, extensions)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.id, id)
        check.list(Field.parts, isEmpty: parts.isEmpty)
        check.objects(Field.parts, parts)
    }
}
