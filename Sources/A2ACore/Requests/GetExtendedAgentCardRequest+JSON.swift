// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.GetExtendedAgentCardRequest: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            }
        }
        self.init(tenant: try tenant.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        }
    }

    package func check(_ check: inout FieldCheck) {
    }
}
