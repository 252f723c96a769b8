// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.HTTPAuthSecurityScheme: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case description
        case scheme
        case bearerFormat
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var description = ProtoMember<String>(Field.description)
        var scheme = ProtoMember<String>(Field.scheme)
        var bearerFormat = ProtoMember<String>(Field.bearerFormat)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .description: try description.read(from: &reader)
            case .scheme: try scheme.read(from: &reader)
            case .bearerFormat: try bearerFormat.read(from: &reader)
            }
        }
        self.init(
            description: try description.optional()?.ifNotEmpty,
            scheme: try scheme.optional() ?? "",
            bearerFormat: try bearerFormat.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .description: try writer.ifNotEmpty(field, description)
        case .scheme: try writer.field(field, scheme)
        case .bearerFormat: try writer.ifNotEmpty(field, bearerFormat)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.scheme, scheme)
    }
}
