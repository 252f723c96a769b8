// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentCardSignature: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case protected
        case signature
        case header
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var protected = JSONMember<String>(Field.protected)
        var signature = JSONMember<String>(Field.signature)
        var header = JSONMember<JSONObject>(Field.header)
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
        case .protected: try writer.member(field, protected)
        case .signature: try writer.member(field, signature)
        case .header: try writer.member(field, header)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.protected, protected)
        check.text(Field.signature, signature)
    }
}
