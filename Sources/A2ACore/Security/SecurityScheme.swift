// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// A way in which callers of an agent authenticate.
    public enum SecurityScheme: Sendable, Hashable {
        /// A key that is sent along with each request.
        case apiKey(APIKeySecurityScheme)
        /// The `Authorization` header of HTTP.
        case httpAuth(HTTPAuthSecurityScheme)
        /// OAuth 2.0.
        case oauth2(OAuth2SecurityScheme)
        /// OpenID Connect.
        case openIDConnect(OpenIDConnectSecurityScheme)
        /// A TLS certificate of the caller.
        case mutualTLS(MutualTLSSecurityScheme)
        /// Something that this version of the protocol does not know: all members as they came.
        case unknown(JSONObject)
    }

    /// Security schemes that are all needed together, by their names in the card, each with the scopes that are needed.
    public struct SecurityRequirement: Sendable, Hashable {
        /// The scopes, by the names of the schemes.
        public var schemes: [String: [String]]

        /// Creates a requirement.
        public init(_ schemes: [String: [String]]) { self.schemes = schemes }
    }
}

extension A2A.SecurityScheme: ProtoObject {
    enum Field: JSONName, JSONField {
        case apiKey = "apiKeySecurityScheme"
        case httpAuth = "httpAuthSecurityScheme"
        case oauth2 = "oauth2SecurityScheme"
        case openIDConnect = "openIdConnectSecurityScheme"
        case mutualTLS = "mtlsSecurityScheme"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        let start = reader
        var apiKey = ProtoMember<A2A.APIKeySecurityScheme>(Field.apiKey)
        var httpAuth = ProtoMember<A2A.HTTPAuthSecurityScheme>(Field.httpAuth)
        var oauth2 = ProtoMember<A2A.OAuth2SecurityScheme>(Field.oauth2)
        var openIDConnect = ProtoMember<A2A.OpenIDConnectSecurityScheme>(Field.openIDConnect)
        var mutualTLS = ProtoMember<A2A.MutualTLSSecurityScheme>(Field.mutualTLS)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .apiKey: try apiKey.read(from: &reader)
            case .httpAuth: try httpAuth.read(from: &reader)
            case .oauth2: try oauth2.read(from: &reader)
            case .openIDConnect: try openIDConnect.read(from: &reader)
            case .mutualTLS: try mutualTLS.read(from: &reader)
            }
        }
        var scheme = OneOf<Self>()
        try scheme.take(Field.apiKey, try apiKey.optional().map { .apiKey($0) })
        try scheme.take(Field.httpAuth, try httpAuth.optional().map { .httpAuth($0) })
        try scheme.take(Field.oauth2, try oauth2.optional().map { .oauth2($0) })
        try scheme.take(Field.openIDConnect, try openIDConnect.optional().map { .openIDConnect($0) })
        try scheme.take(Field.mutualTLS, try mutualTLS.optional().map { .mutualTLS($0) })
        if let value = scheme.value {
            self = value
        } else {
            reader = start
            self = .unknown(try JSONObject(json: &reader))
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        switch self {
        case .apiKey(let scheme): try writer.field(Field.apiKey, scheme)
        case .httpAuth(let scheme): try writer.field(Field.httpAuth, scheme)
        case .oauth2(let scheme): try writer.field(Field.oauth2, scheme)
        case .openIDConnect(let scheme): try writer.field(Field.openIDConnect, scheme)
        case .mutualTLS(let scheme): try writer.field(Field.mutualTLS, scheme)
        case .unknown(let members): try writer.members(members)
        }
        writer.endObject()
    }

    package func check(_ check: inout FieldCheck) {
        switch self {
        case .apiKey(let scheme): check.object(Field.apiKey, scheme)
        case .httpAuth(let scheme): check.object(Field.httpAuth, scheme)
        case .oauth2(let scheme): check.object(Field.oauth2, scheme)
        case .openIDConnect(let scheme): check.object(Field.openIDConnect, scheme)
        case .mutualTLS(let scheme): check.object(Field.mutualTLS, scheme)
        case .unknown: check.report("the kind of the security scheme is required")
        }
    }
}

extension A2A.SecurityRequirement: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case schemes
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var schemes = ProtoMember<ProtoMap<StringList>>(Field.schemes)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .schemes: try schemes.read(from: &reader)
            }
        }
        self.init(try schemes.optional()?.entries.mapValues(\.list) ?? [:])
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .schemes:
            if !schemes.isEmpty { try writer.field(field, ProtoMap(schemes.mapValues { StringList(list: $0) })) }
        }
    }

    package func check(_ check: inout FieldCheck) {}
}

/// A list of texts that is an object in JSON, with one member.
private struct StringList: JSONDocument {
    var list: [String]

    enum Field: JSONName, JSONField {
        case list
    }

    init(list: [String]) { self.list = list }

    init(json reader: inout JSONReader) throws(JSONFault) {
        var list = ProtoMember<[String]>(Field.list)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .list: try list.read(from: &reader)
            }
        }
        self.init(list: try list.optional() ?? [])
    }

    func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .list: try writer.ifNotEmpty(field, list)
        }
    }
}
