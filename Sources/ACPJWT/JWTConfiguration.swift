// SPDX-License-Identifier: Apache-2.0

public import ACPRuntime
public import ACPServer

/// Which JSON Web Tokens (JWT) a server accepts, and what their owners may do.
///
/// ```swift
/// let tokens = JWTConfiguration(
///     issuer: "https://id.example.com", audience: ["https://agents.example.com"],
///     keys: .url("https://id.example.com/.well-known/jwks.json"))
/// configuration.authentication = try .jwt(tokens)
/// ```
///
/// A token is accepted if one of the issuer's keys has signed it with one of the ``algorithms``, its claims `iss` and `aud`
/// match, and it is valid now (`exp`, which is required, and `nbf`).
public struct JWTConfiguration: Sendable {
    /// An algorithm of signatures. All are asymmetric: the server has public keys only.
    public enum Algorithm: String, Sendable, Hashable, CaseIterable {
        /// RSA with PKCS #1 v1.5 and SHA-256.
        case rs256 = "RS256"
        /// RSA with PKCS #1 v1.5 and SHA-384.
        case rs384 = "RS384"
        /// RSA with PKCS #1 v1.5 and SHA-512.
        case rs512 = "RS512"
        /// RSA with PSS and SHA-256.
        case ps256 = "PS256"
        /// RSA with PSS and SHA-384.
        case ps384 = "PS384"
        /// RSA with PSS and SHA-512.
        case ps512 = "PS512"
        /// ECDSA with P-256 and SHA-256.
        case es256 = "ES256"
        /// ECDSA with P-384 and SHA-384.
        case es384 = "ES384"
        /// ECDSA with P-521 and SHA-512.
        case es512 = "ES512"
        /// EdDSA with Ed25519.
        case edDSA = "EdDSA"
    }

    /// The issuer: the exact value of the claim `iss`. It is part of the ids of principals, so that those of two issuers
    /// never are the same: the id is the issuer, `|` and the value of ``principalClaim``.
    public var issuer: String
    /// The names of this server for the issuer. The claim `aud` must contain one of them.
    public var audience: [String]
    /// The public keys of the issuer.
    public var keys: JWTKeys
    /// The algorithms that are accepted. Defaults to all.
    public var algorithms: Set<Algorithm>
    /// The claim that distinguishes the issuer's principals. Its value must be a string. Defaults to `sub`.
    public var principalClaim: String
    /// The roles of principals by the scopes of their tokens. Defaults to `acp:read`, `acp:call` and `acp:administer`.
    ///
    /// Scopes are the words of the string, or the strings of the array, in the claims ``scopeClaims``.
    public var roles: [String: Set<Principal.Role>]
    /// The claims that contain scopes. Defaults to `scope` and `scp`.
    public var scopeClaims: [String]
    /// The roles that all tokens of the issuer have, whatever their scopes are. Defaults to none.
    public var defaultRoles: Set<Principal.Role>
    /// How much the clocks of the issuer and the server may differ. Defaults to 30 seconds.
    public var clockSkew: Duration
    /// The largest size of a token that is accepted, in bytes. Defaults to 8,192.
    public var maximumTokenSize: Int
    /// How many verified tokens are remembered, so that their signatures are not verified for each request. They are
    /// forgotten when they expire, and when the keys change. Defaults to 1,000. If 0, none are.
    public var cachedTokens: Int

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - issuer: The exact value of the claim `iss`.
    ///   - audience: The names of this server for the issuer, at least one.
    ///   - keys: The public keys of the issuer.
    ///   - algorithms: The algorithms that are accepted. Defaults to all.
    ///   - principalClaim: The claim that distinguishes the issuer's principals. Defaults to `sub`.
    ///   - roles: The roles of principals by the scopes of their tokens. Defaults to ``standardRoles``.
    ///   - scopeClaims: The claims that contain scopes. Defaults to `scope` and `scp`.
    ///   - defaultRoles: The roles that all tokens of the issuer have. Defaults to none.
    ///   - clockSkew: How much clocks may differ. Defaults to 30 seconds.
    ///   - maximumTokenSize: The largest size of a token, in bytes. Defaults to 8,192.
    ///   - cachedTokens: How many verified tokens are remembered. Defaults to 1,000.
    public init(
        issuer: String, audience: [String], keys: JWTKeys,
        algorithms: Set<Algorithm> = Set(Algorithm.allCases), principalClaim: String = "sub",
        roles: [String: Set<Principal.Role>] = standardRoles, scopeClaims: [String] = ["scope", "scp"],
        defaultRoles: Set<Principal.Role> = [], clockSkew: Duration = .seconds(30), maximumTokenSize: Int = 8_192,
        cachedTokens: Int = 1_000
    ) {
        self.issuer = issuer
        self.audience = audience
        self.keys = keys
        self.algorithms = algorithms
        self.principalClaim = principalClaim
        self.roles = roles
        self.scopeClaims = scopeClaims
        self.defaultRoles = defaultRoles
        self.clockSkew = clockSkew
        self.maximumTokenSize = maximumTokenSize
        self.cachedTokens = cachedTokens
    }

    /// The scopes `acp:read`, `acp:call` and `acp:administer` with the roles that they name.
    public static let standardRoles: [String: Set<Principal.Role>] = Dictionary(
        uniqueKeysWithValues: Principal.Role.allCases.map { ("acp:\($0.rawValue)", [$0]) })

    /// Checks the configuration, and reads the keys if they are in a file. `Authentication.jwt(_:logger:)` does so.
    ///
    /// - Throws: `ServerError` with code `invalidConfiguration`; the message names the property.
    public func validate() throws(ServerError) {
        func require(_ isValid: Bool, _ message: String) throws(ServerError) {
            if !isValid { throw .invalidConfiguration("JWTConfiguration.\(message)") }
        }
        // "|" ends the issuer in the ids of principals.
        try require(
            !issuer.isEmpty && issuer.utf8.count <= 200 && !issuer.contains("|")
                && PrincipalID(rawValue: issuer) != nil,
            "issuer is not valid: 1 to 200 bytes of printable characters without | are expected, such as https://id.example.com"
        )
        try require(
            !audience.isEmpty && audience.allSatisfy { !$0.isEmpty },
            "audience is empty: name this server as the issuer does in the claim aud")
        try require(!algorithms.isEmpty, "algorithms is empty: allow at least one")
        try require(!principalClaim.isEmpty, "principalClaim is empty: use sub, for example")
        try require(
            (Duration.zero...Duration.seconds(3_600)).contains(clockSkew),
            "clockSkew is \(clockSkew): it must be from 0 to 1 hour")
        try require(
            (256...65_536).contains(maximumTokenSize),
            "maximumTokenSize is \(maximumTokenSize): it must be from 256 to 65,536")
        try require(cachedTokens >= 0, "cachedTokens is \(cachedTokens): it must not be negative")
        try keys.validate(algorithms)
    }
}
