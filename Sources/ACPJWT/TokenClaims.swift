// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// The claims of a token whose signature is verified.
struct TokenClaims: Sendable {
    let principal: Principal
    /// Until when the token is accepted, in seconds since 1970.
    let end: Double

    /// Checks the claims.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Throws: ``TokenRejection``.
    init(_ claims: JSONObject, _ configuration: JWTConfiguration, at now: Double) throws(TokenRejection) {
        guard claims["iss"] == .string(configuration.issuer) else {
            throw TokenRejection("it is of another issuer (iss)")
        }
        let audiences = try Self.texts(claims["aud"], "aud", separatesWords: false)
        guard configuration.audience.contains(where: { name in audiences.contains { $0 == name } }) else {
            throw TokenRejection("it is for another audience (aud)")
        }
        let skew = configuration.clockSkew / .seconds(1)
        guard let expiry = try Self.time(claims["exp"], "exp") else {
            throw TokenRejection("it has no time of expiry (exp)")
        }
        guard now < expiry + skew else { throw TokenRejection("it has expired (exp)") }
        if let start = try Self.time(claims["nbf"], "nbf"), now + skew < start {
            throw TokenRejection("it is not valid yet (nbf)")
        }
        _ = try Self.time(claims["iat"], "iat")
        end = expiry + skew

        guard let subject = claims[configuration.principalClaim]?.stringValue, !subject.isEmpty,
            let id = PrincipalID(rawValue: "\(configuration.issuer)|\(subject)")
        else {
            throw TokenRejection("its claim \(configuration.principalClaim) is no text that can name a principal")
        }
        var roles = configuration.defaultRoles
        for claim in configuration.scopeClaims {
            for scope in try Self.texts(claims[claim], claim, separatesWords: true) {
                roles.formUnion(configuration.roles[String(scope)] ?? [])
            }
        }
        principal = Principal(id: id, roles: roles, claims: claims)
    }

    private static func time(_ value: JSONValue?, _ name: String) throws(TokenRejection) -> Double? {
        guard let value else { return nil }
        guard let time = value.doubleValue, time.isFinite else {
            throw TokenRejection("its claim \(name) is no number")
        }
        return time
    }

    /// Returns the texts of a claim, which is a string or an array of strings.
    private static func texts(
        _ value: JSONValue?, _ name: String, separatesWords: Bool
    ) throws(TokenRejection) -> [Substring] {
        switch value {
        case nil: return []
        case .string(let text)?: return separatesWords ? text.split(separator: " ") : [text[...]]
        case .array(let elements)?:
            let texts = elements.compactMap(\.stringValue)
            guard texts.count == elements.count else { break }
            return texts.map { $0[...] }
        default: break
        }
        throw TokenRejection("its claim \(name) is neither a text nor an array of texts")
    }
}
