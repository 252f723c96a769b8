// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.SendMessageRequest: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
        case message
        case configuration
        case metadata
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        var message = ProtoMember<A2A.Message>(Field.message)
        var configuration = ProtoMember<A2A.SendMessageConfiguration>(Field.configuration)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            case .message: try message.read(from: &reader)
            case .configuration: try configuration.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            }
        }
        self.init(
            tenant: try tenant.optional()?.ifNotEmpty,
            message: try message.optional() ?? .unset,
            configuration: try configuration.optional(),
            metadata: try metadata.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .message: try writer.field(field, message)
        case .configuration: try writer.field(field, configuration)
        case .metadata: try writer.field(field, metadata)
        }
    }

    package func check(_ check: inout FieldCheck) {
        if message == .unset {
            check.value(Field.message, isMissing: true)
        } else {
            check.object(Field.message, message)
        }
        check.object(Field.configuration, configuration)
    }
}
