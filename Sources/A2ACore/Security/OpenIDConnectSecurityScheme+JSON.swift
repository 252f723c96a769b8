// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.OpenIDConnectSecurityScheme: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case description
        case url = "openIdConnectUrl"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var description = ProtoMember<String>(Field.description)
        var url = ProtoMember<String>(Field.url)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .description: try description.read(from: &reader)
            case .url: try url.read(from: &reader)
            }
        }
        self.init(description: try description.optional()?.ifNotEmpty, url: try url.optional() ?? "")
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .description: try writer.ifNotEmpty(field, description)
        case .url: try writer.field(field, url)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.url, url)
    }
}
