// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AuthorizationCodeFlow: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case authorizationURL = "authorizationUrl"
        case tokenURL = "tokenUrl"
        case refreshURL = "refreshUrl"
        case scopes
        case requiresPKCE = "pkceRequired"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var authorizationURL = ProtoMember<String>(Field.authorizationURL)
        var tokenURL = ProtoMember<String>(Field.tokenURL)
        var refreshURL = ProtoMember<String>(Field.refreshURL)
        var scopes = ProtoMember<ProtoMap<String>>(Field.scopes)
        var requiresPKCE = ProtoMember<Bool>(Field.requiresPKCE)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .authorizationURL: try authorizationURL.read(from: &reader)
            case .tokenURL: try tokenURL.read(from: &reader)
            case .refreshURL: try refreshURL.read(from: &reader)
            case .scopes: try scopes.read(from: &reader)
            case .requiresPKCE: try requiresPKCE.read(from: &reader)
            }
        }
        self.init(
            authorizationURL: try authorizationURL.optional() ?? "",
            tokenURL: try tokenURL.optional() ?? "",
            refreshURL: try refreshURL.optional()?.ifNotEmpty,
            scopes: try scopes.optional()?.entries ?? [:],
            requiresPKCE: try requiresPKCE.optional() ?? false)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .authorizationURL: try writer.field(field, authorizationURL)
        case .tokenURL: try writer.field(field, tokenURL)
        case .refreshURL: try writer.ifNotEmpty(field, refreshURL)
        case .scopes: try writer.field(field, ProtoMap(scopes))
        case .requiresPKCE: try writer.ifTrue(field, requiresPKCE)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.authorizationURL, authorizationURL)
        check.text(Field.tokenURL, tokenURL)
    }
}
