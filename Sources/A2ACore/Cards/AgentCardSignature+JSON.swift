// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentCardSignature: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case protected
        case signature
        case header
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var protected = ProtoMember<String>(Field.protected)
        var signature = ProtoMember<String>(Field.signature)
        var header = ProtoMember<JSONObject>(Field.header)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .protected: try protected.read(from: &reader)
            case .signature: try signature.read(from: &reader)
            case .header: try header.read(from: &reader)
            }
        }
        self.init(
            protected: try protected.optional() ?? "",
            signature: try signature.optional() ?? "",
            header: try header.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .protected: try writer.field(field, protected)
        case .signature: try writer.field(field, signature)
        case .header: try writer.field(field, header)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.protected, protected)
        check.text(Field.signature, signature)
    }
}
