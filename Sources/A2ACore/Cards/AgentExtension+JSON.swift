// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentExtension: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case uri
        case description
        case isRequired = "required"
        case params
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var uri = ProtoMember<String>(Field.uri)
        var description = ProtoMember<String>(Field.description)
        var isRequired = ProtoMember<Bool>(Field.isRequired)
        var params = ProtoMember<JSONObject>(Field.params)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .uri: try uri.read(from: &reader)
            case .description: try description.read(from: &reader)
            case .isRequired: try isRequired.read(from: &reader)
            case .params: try params.read(from: &reader)
            }
        }
        self.init(
            uri: try uri.optional()?.ifNotEmpty,
            description: try description.optional()?.ifNotEmpty,
            isRequired: try isRequired.optional() ?? false,
            params: try params.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .uri: try writer.ifNotEmpty(field, uri)
        case .description: try writer.ifNotEmpty(field, description)
        case .isRequired: try writer.ifTrue(field, isRequired)
        case .params: try writer.field(field, params)
        }
    }

    package func check(_ check: inout FieldCheck) {
    }
}
