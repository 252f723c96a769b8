// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// The way in which a caller gets a token of OAuth 2.0.
    public enum OAuthFlows: Sendable, Hashable {
        /// A user is asked in a browser.
        case authorizationCode(AuthorizationCodeFlow)
        /// The caller has credentials of its own.
        case clientCredentials(ClientCredentialsFlow)
        /// Deprecated: use the authorization code flow with PKCE.
        case implicit(ImplicitFlow)
        /// Deprecated: use the authorization code flow with PKCE, or the device code flow.
        case password(PasswordFlow)
        /// A user is asked on another device.
        case deviceCode(DeviceCodeFlow)
        /// Something that this version of the protocol does not know: all members as they came.
        case unknown(JSONObject)
    }
}

extension A2A.OAuthFlows: ProtoObject {
    /// What stands for an object that is missing where one is required.
    static let unset = A2A.OAuthFlows.unknown([:])

    enum Field: JSONName, JSONField {
        case authorizationCode
        case clientCredentials
        case implicit
        case password
        case deviceCode
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        let start = reader
        var authorizationCode = ProtoMember<A2A.AuthorizationCodeFlow>(Field.authorizationCode)
        var clientCredentials = ProtoMember<A2A.ClientCredentialsFlow>(Field.clientCredentials)
        var implicit = ProtoMember<A2A.ImplicitFlow>(Field.implicit)
        var password = ProtoMember<A2A.PasswordFlow>(Field.password)
        var deviceCode = ProtoMember<A2A.DeviceCodeFlow>(Field.deviceCode)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .authorizationCode: try authorizationCode.read(from: &reader)
            case .clientCredentials: try clientCredentials.read(from: &reader)
            case .implicit: try implicit.read(from: &reader)
            case .password: try password.read(from: &reader)
            case .deviceCode: try deviceCode.read(from: &reader)
            }
        }
        var flow = OneOf<Self>()
        try flow.take(Field.authorizationCode, try authorizationCode.optional().map { .authorizationCode($0) })
        try flow.take(Field.clientCredentials, try clientCredentials.optional().map { .clientCredentials($0) })
        try flow.take(Field.implicit, try implicit.optional().map { .implicit($0) })
        try flow.take(Field.password, try password.optional().map { .password($0) })
        try flow.take(Field.deviceCode, try deviceCode.optional().map { .deviceCode($0) })
        if let value = flow.value {
            self = value
        } else {
            reader = start
            self = .unknown(try JSONObject(json: &reader))
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        switch self {
        case .authorizationCode(let flow): try writer.field(Field.authorizationCode, flow)
        case .clientCredentials(let flow): try writer.field(Field.clientCredentials, flow)
        case .implicit(let flow): try writer.field(Field.implicit, flow)
        case .password(let flow): try writer.field(Field.password, flow)
        case .deviceCode(let flow): try writer.field(Field.deviceCode, flow)
        case .unknown(let members): try writer.members(members)
        }
        writer.endObject()
    }

    package func check(_ check: inout FieldCheck) {
        switch self {
        case .authorizationCode(let flow): check.object(Field.authorizationCode, flow)
        case .clientCredentials(let flow): check.object(Field.clientCredentials, flow)
        case .implicit(let flow): check.object(Field.implicit, flow)
        case .password(let flow): check.object(Field.password, flow)
        case .deviceCode(let flow): check.object(Field.deviceCode, flow)
        case .unknown: check.report("the kind of the flow is required")
        }
    }
}
