// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.OAuth2SecurityScheme: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case description
        case flows
        case metadataURL = "oauth2MetadataUrl"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var description = ProtoMember<String>(Field.description)
        var flows = ProtoMember<A2A.OAuthFlows>(Field.flows)
        var metadataURL = ProtoMember<String>(Field.metadataURL)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .description: try description.read(from: &reader)
            case .flows: try flows.read(from: &reader)
            case .metadataURL: try metadataURL.read(from: &reader)
            }
        }
        self.init(
            description: try description.optional()?.ifNotEmpty,
            flows: try flows.optional() ?? .unset,
            metadataURL: try metadataURL.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .description: try writer.ifNotEmpty(field, description)
        case .flows: try writer.field(field, flows)
        case .metadataURL: try writer.ifNotEmpty(field, metadataURL)
        }
    }

    package func check(_ check: inout FieldCheck) {
        if flows == .unset { check.value(Field.flows, isMissing: true) } else { check.object(Field.flows, flows) }
    }
}
