// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.CancelTaskRequest: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
        case id
        case metadata
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        var id = ProtoMember<A2A.TaskID>(Field.id)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            case .id: try id.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            }
        }
        self.init(
            tenant: try tenant.optional()?.ifNotEmpty,
            id: try id.optional() ?? "",
            metadata: try metadata.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .id: try writer.field(field, id)
        case .metadata: try writer.field(field, metadata)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.id, id)
    }
}
