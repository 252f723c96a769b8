// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentProvider: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case url
        case organization
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var url = ProtoMember<String>(Field.url)
        var organization = ProtoMember<String>(Field.organization)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .url: try url.read(from: &reader)
            case .organization: try organization.read(from: &reader)
            }
        }
        self.init(url: try url.optional() ?? "", organization: try organization.optional() ?? "")
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .url: try writer.field(field, url)
        case .organization: try writer.field(field, organization)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.url, url)
        check.text(Field.organization, organization)
    }
}
