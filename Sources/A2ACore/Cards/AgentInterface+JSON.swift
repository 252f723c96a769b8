// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentInterface: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case url
        case binding = "protocolBinding"
        case tenant
        case protocolVersion
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var url = ProtoMember<String>(Field.url)
        var binding = ProtoMember<A2A.ProtocolBinding>(Field.binding)
        var tenant = ProtoMember<String>(Field.tenant)
        var protocolVersion = ProtoMember<String>(Field.protocolVersion)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .url: try url.read(from: &reader)
            case .binding: try binding.read(from: &reader)
            case .tenant: try tenant.read(from: &reader)
            case .protocolVersion: try protocolVersion.read(from: &reader)
            }
        }
        self.init(
            url: try url.optional() ?? "",
            binding: try binding.optional() ?? "",
            tenant: try tenant.optional()?.ifNotEmpty,
            protocolVersion: try protocolVersion.optional() ?? "")
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .url: try writer.field(field, url)
        case .binding: try writer.field(field, binding)
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .protocolVersion: try writer.field(field, protocolVersion)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.url, url)
        check.text(Field.binding, binding)
        check.text(Field.protocolVersion, protocolVersion)
    }
}
