// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.DeviceCodeFlow: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case deviceAuthorizationURL = "deviceAuthorizationUrl"
        case tokenURL = "tokenUrl"
        case refreshURL = "refreshUrl"
        case scopes
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var deviceAuthorizationURL = ProtoMember<String>(Field.deviceAuthorizationURL)
        var tokenURL = ProtoMember<String>(Field.tokenURL)
        var refreshURL = ProtoMember<String>(Field.refreshURL)
        var scopes = ProtoMember<ProtoMap<String>>(Field.scopes)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .deviceAuthorizationURL: try deviceAuthorizationURL.read(from: &reader)
            case .tokenURL: try tokenURL.read(from: &reader)
            case .refreshURL: try refreshURL.read(from: &reader)
            case .scopes: try scopes.read(from: &reader)
            }
        }
        self.init(
            deviceAuthorizationURL: try deviceAuthorizationURL.optional() ?? "",
            tokenURL: try tokenURL.optional() ?? "",
            refreshURL: try refreshURL.optional()?.ifNotEmpty,
            scopes: try scopes.optional()?.entries ?? [:])
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .deviceAuthorizationURL: try writer.field(field, deviceAuthorizationURL)
        case .tokenURL: try writer.field(field, tokenURL)
        case .refreshURL: try writer.ifNotEmpty(field, refreshURL)
        case .scopes: try writer.field(field, ProtoMap(scopes))
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.deviceAuthorizationURL, deviceAuthorizationURL)
        check.text(Field.tokenURL, tokenURL)
    }
}
