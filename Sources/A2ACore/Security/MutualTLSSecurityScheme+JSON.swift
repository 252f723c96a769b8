// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.MutualTLSSecurityScheme: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case description
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var description = ProtoMember<String>(Field.description)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .description: try description.read(from: &reader)
            }
        }
        self.init(description: try description.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .description: try writer.ifNotEmpty(field, description)
        }
    }

    package func check(_ check: inout FieldCheck) {
    }
}
