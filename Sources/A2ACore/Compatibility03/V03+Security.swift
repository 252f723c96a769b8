// SPDX-License-Identifier: Apache-2.0

import ACPCore

// Security schemes of version 0.3, whose kind is in the member `type`.

extension A2A.V03 {
    static func scheme(_ scheme: A2A.SecurityScheme) -> JSONObject {
        var object: JSONObject
        switch scheme {
        case .apiKey(let scheme):
            object = ["type": "apiKey", "in": .string(scheme.location), "name": .string(scheme.name)]
            object.set("description", scheme.description)
        case .httpAuth(let scheme):
            object = ["type": "http", "scheme": .string(scheme.scheme)]
            object.set("bearerFormat", scheme.bearerFormat)
            object.set("description", scheme.description)
        case .oauth2(let scheme):
            object = ["type": "oauth2", "flows": .object(flows(scheme.flows))]
            object.set("oauth2MetadataUrl", scheme.metadataURL)
            object.set("description", scheme.description)
        case .openIDConnect(let scheme):
            object = ["type": "openIdConnect", "openIdConnectUrl": .string(scheme.url)]
            object.set("description", scheme.description)
        case .mutualTLS(let scheme):
            object = ["type": "mutualTLS"]
            object.set("description", scheme.description)
        case .unknown(let members): object = members
        }
        return object
    }

    static func scheme(_ reader: V03Reader) throws(A2AError) -> A2A.SecurityScheme {
        let description = try reader.text("description")?.ifNotEmpty
        switch try reader.text("type") {
        case "apiKey":
            return .apiKey(
                A2A.APIKeySecurityScheme(
                    description: description, location: try reader.requiredText("in"),
                    name: try reader.requiredText("name")))
        case "http":
            return .httpAuth(
                A2A.HTTPAuthSecurityScheme(
                    description: description, scheme: try reader.requiredText("scheme"),
                    bearerFormat: try reader.text("bearerFormat")?.ifNotEmpty))
        case "oauth2":
            var flows = A2A.OAuthFlows.unset
            if let members = try reader.reader("flows") { flows = try Self.flows(members) }
            return .oauth2(
                A2A.OAuth2SecurityScheme(
                    description: description, flows: flows,
                    metadataURL: try reader.text("oauth2MetadataUrl")?.ifNotEmpty))
        case "openIdConnect":
            return .openIDConnect(
                A2A.OpenIDConnectSecurityScheme(
                    description: description, url: try reader.requiredText("openIdConnectUrl")))
        case "mutualTLS": return .mutualTLS(A2A.MutualTLSSecurityScheme(description: description))
        default: return .unknown(reader.members)
        }
    }

    /// A flow that version 0.3 does not have gives no member.
    private static func flows(_ flows: A2A.OAuthFlows) -> JSONObject {
        func flow(
            authorizationURL: String? = nil, tokenURL: String? = nil, refreshURL: String?, scopes: [String: String]
        ) -> JSONValue {
            var object: JSONObject = ["scopes": .object(JSONObject(scopes.mapValues { .string($0) }))]
            object.set("authorizationUrl", authorizationURL)
            object.set("tokenUrl", tokenURL)
            object.set("refreshUrl", refreshURL)
            return .object(object)
        }
        switch flows {
        case .authorizationCode(let value):
            return [
                "authorizationCode": flow(
                    authorizationURL: value.authorizationURL, tokenURL: value.tokenURL, refreshURL: value.refreshURL,
                    scopes: value.scopes)
            ]
        case .clientCredentials(let value):
            return [
                "clientCredentials": flow(tokenURL: value.tokenURL, refreshURL: value.refreshURL, scopes: value.scopes)
            ]
        case .implicit(let value):
            return [
                "implicit": flow(
                    authorizationURL: value.authorizationURL ?? "", refreshURL: value.refreshURL, scopes: value.scopes)
            ]
        case .password(let value):
            return [
                "password": flow(tokenURL: value.tokenURL ?? "", refreshURL: value.refreshURL, scopes: value.scopes)
            ]
        case .deviceCode, .unknown: return [:]
        }
    }

    /// Version 0.3 allows several flows. The first of these counts: authorization code, client credentials, implicit, password.
    private static func flows(_ reader: V03Reader) throws(A2AError) -> A2A.OAuthFlows {
        func scopes(_ flow: V03Reader) throws(A2AError) -> [String: String] {
            var scopes: [String: String] = [:]
            if let members = try flow.reader("scopes") {
                for name in members.members.keys { scopes[name] = try members.requiredText(name) }
            }
            return scopes
        }
        if let flow = try reader.reader("authorizationCode") {
            return .authorizationCode(
                A2A.AuthorizationCodeFlow(
                    authorizationURL: try flow.requiredText("authorizationUrl"),
                    tokenURL: try flow.requiredText("tokenUrl"),
                    refreshURL: try flow.text("refreshUrl")?.ifNotEmpty, scopes: try scopes(flow)))
        }
        if let flow = try reader.reader("clientCredentials") {
            return .clientCredentials(
                A2A.ClientCredentialsFlow(
                    tokenURL: try flow.requiredText("tokenUrl"), refreshURL: try flow.text("refreshUrl")?.ifNotEmpty,
                    scopes: try scopes(flow)))
        }
        if let flow = try reader.reader("implicit") {
            return .implicit(
                A2A.ImplicitFlow(
                    authorizationURL: try flow.text("authorizationUrl")?.ifNotEmpty,
                    refreshURL: try flow.text("refreshUrl")?.ifNotEmpty, scopes: try scopes(flow)))
        }
        if let flow = try reader.reader("password") {
            return .password(
                A2A.PasswordFlow(
                    tokenURL: try flow.text("tokenUrl")?.ifNotEmpty,
                    refreshURL: try flow.text("refreshUrl")?.ifNotEmpty,
                    scopes: try scopes(flow)))
        }
        return .unknown(reader.members)
    }
}
