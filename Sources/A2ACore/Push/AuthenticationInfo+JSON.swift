// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AuthenticationInfo: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case scheme
        case credentials
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var scheme = ProtoMember<String>(Field.scheme)
        var credentials = ProtoMember<String>(Field.credentials)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .scheme: try scheme.read(from: &reader)
            case .credentials: try credentials.read(from: &reader)
            }
        }
        self.init(scheme: try scheme.optional() ?? "", credentials: try credentials.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .scheme: try writer.field(field, scheme)
        case .credentials: try writer.ifNotEmpty(field, credentials)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.scheme, scheme)
    }
}
