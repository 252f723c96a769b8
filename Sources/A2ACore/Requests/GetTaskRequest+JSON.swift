// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.GetTaskRequest: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
        case id
        case historyLength
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        var id = ProtoMember<A2A.TaskID>(Field.id)
        var historyLength = ProtoMember<ProtoInt32>(Field.historyLength)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            case .id: try id.read(from: &reader)
            case .historyLength: try historyLength.read(from: &reader)
            }
        }
        self.init(
            tenant: try tenant.optional()?.ifNotEmpty,
            id: try id.optional() ?? "",
            historyLength: try historyLength.optional()?.value)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .id: try writer.field(field, id)
        case .historyLength: try writer.field(field, historyLength)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.id, id)
        check.range(Field.historyLength, historyLength, 0...Int.max)
    }
}
