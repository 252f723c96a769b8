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
        var authorizationURL = JSONMember<String>(Field.authorizationURL)
        var tokenURL = JSONMember<String>(Field.tokenURL)
        var refreshURL = JSONMember<String>(Field.refreshURL)
        var scopes = JSONMember<ProtoMap<String>>(Field.scopes)
        var requiresPKCE = JSONMember<Bool>(Field.requiresPKCE)
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
        case .authorizationURL: try writer.member(field, authorizationURL)
        case .tokenURL: try writer.member(field, tokenURL)
        case .refreshURL: try writer.ifNotEmpty(field, refreshURL)
        case .scopes: try writer.member(field, ProtoMap(scopes))
        case .requiresPKCE: try writer.ifTrue(field, requiresPKCE)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.authorizationURL, authorizationURL)
        check.text(Field.tokenURL, tokenURL)
    }
}
