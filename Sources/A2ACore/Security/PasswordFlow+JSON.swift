// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.PasswordFlow: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tokenURL = "tokenUrl"
        case refreshURL = "refreshUrl"
        case scopes
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tokenURL = ProtoMember<String>(Field.tokenURL)
        var refreshURL = ProtoMember<String>(Field.refreshURL)
        var scopes = ProtoMember<ProtoMap<String>>(Field.scopes)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tokenURL: try tokenURL.read(from: &reader)
            case .refreshURL: try refreshURL.read(from: &reader)
            case .scopes: try scopes.read(from: &reader)
            }
        }
        self.init(
            tokenURL: try tokenURL.optional()?.ifNotEmpty,
            refreshURL: try refreshURL.optional()?.ifNotEmpty,
            scopes: try scopes.optional()?.entries ?? [:])
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tokenURL: try writer.ifNotEmpty(field, tokenURL)
        case .refreshURL: try writer.ifNotEmpty(field, refreshURL)
        case .scopes: if !scopes.isEmpty { try writer.field(field, ProtoMap(scopes)) }
        }
    }

    package func check(_ check: inout FieldCheck) {
    }
}
