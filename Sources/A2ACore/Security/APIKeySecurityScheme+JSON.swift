// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.APIKeySecurityScheme: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case description
        case location
        case name
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var description = ProtoMember<String>(Field.description)
        var location = ProtoMember<String>(Field.location)
        var name = ProtoMember<String>(Field.name)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .description: try description.read(from: &reader)
            case .location: try location.read(from: &reader)
            case .name: try name.read(from: &reader)
            }
        }
        self.init(
            description: try description.optional()?.ifNotEmpty,
            location: try location.optional() ?? "",
            name: try name.optional() ?? "")
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .description: try writer.ifNotEmpty(field, description)
        case .location: try writer.field(field, location)
        case .name: try writer.field(field, name)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.location, location)
        check.text(Field.name, name)
    }
}
