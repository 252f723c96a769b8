// SPDX-License-Identifier: Apache-2.0

import ACPJWT
import ACPServer

/// Which JSON Web Tokens a server accepts.
struct TokenSettings: SettingGroup {
    let issuer = Setting<String?>(
        "authentication.jwt.issuer", flag: "jwt-issuer", valueName: "issuer", otherwise: "no JSON Web Tokens",
        help: """
            Accept JSON Web Tokens of this issuer: the exact value of the claim iss. With --jwt-audience and --jwks. The \
            principal is the issuer, a vertical bar and the claim sub.
            """)

    let audience = Setting(
        "authentication.jwt.audience", flag: "jwt-audience", valueName: "name", default: [String](),
        help: "A name of this server for the issuer: the claim aud must contain one of them.")

    let keys = Setting<String?>(
        "authentication.jwt.keys", flag: "jwks", valueName: "file|url", otherwise: "none",
        help: """
            The public keys of the issuer (JWKS): a file, which is read again when it changes, or a URL that begins with \
            https://, such as https://id.example.com/.well-known/jwks.json.
            """)

    let roles = Setting(
        "authentication.jwt.roles", flag: "jwt-role", valueName: "scope=role", default: [String](),
        defaultNote: "acp:read, acp:call and acp:administer",
        help: """
            The role (read, call, administer) of tokens with a scope, such as agents.use=call. *=read gives all tokens of the \
            issuer a role.
            """
    ) { texts in
        texts.allSatisfy { role($0) != nil }
            ? nil : "must be a scope, an equals sign and a role (read, call or administer), such as agents.use=call"
    }

    func problems(in values: SettingValues) -> [SettingProblem] {
        let others: [any SettingDefinition] = [audience, keys]
        guard values.isSet(issuer) else {
            return (others + [roles]).filter { values.isSet($0) }.map {
                SettingProblem([$0.key], "\(values.name(of: $0)) requires \(issuer.names)")
            }
        }
        let missing = others.filter { !values.isSet($0) && !values.isFaulty($0) }
        guard missing.isEmpty else {
            return missing.map { SettingProblem([issuer.key], "\(values.name(of: issuer)) requires \($0.names)") }
        }
        guard let configuration = configuration(values), !values.isFaulty(roles) else { return [] }
        do throws(ServerError) {
            try configuration.validate()
            return []
        } catch {
            return [SettingProblem([issuer.key], "\(values.name(of: issuer)) cannot be used: \(error.message)")]
        }
    }

    func authentication(_ values: SettingValues) throws(ServerError) -> Authentication? {
        guard let configuration = configuration(values) else { return nil }
        return try .jwt(configuration)
    }

    private func configuration(_ values: SettingValues) -> JWTConfiguration? {
        guard let issuer = values[issuer], let keys = values[keys] else { return nil }
        var configuration = JWTConfiguration(
            issuer: issuer, audience: values[audience], keys: keys.contains("://") ? .url(keys) : .file(keys))
        let roles = values[roles].compactMap { role($0) }
        guard !roles.isEmpty else { return configuration }
        configuration.roles = [:]
        for (scope, role) in roles {
            if scope == "*" {
                configuration.defaultRoles.insert(role)
            } else {
                configuration.roles[scope, default: []].insert(role)
            }
        }
        return configuration
    }
}

/// Parses a scope with its role.
private func role(_ text: String) -> (scope: String, role: Principal.Role)? {
    // A scope may contain equals signs.
    guard let separator = text.lastIndex(of: "="), separator != text.startIndex,
        let role = Principal.Role(rawValue: String(text[text.index(after: separator)...]))
    else { return nil }
    return (String(text[..<separator]), role)
}
