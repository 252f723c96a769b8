// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// A token with the principal that it stands for.
///
/// ```swift
/// configuration.authentication = try .tokens([
///     AccessToken("alice", token: secret), AccessToken("dashboard", token: otherSecret, roles: [.read]),
/// ])
/// ```
public struct AccessToken: Sendable {
    /// The principal of requests with the token.
    public let principal: Principal
    let digest: TokenDigest
    /// Why no client could send the token, without the token itself. `nil` if it is valid.
    let fault: String?

    /// Creates a token.
    ///
    /// - Parameters:
    ///   - name: The id of the principal. Several tokens may have the same, so that one of them can be replaced.
    ///   - token: What clients send as `Authorization: Bearer …`: visible ASCII characters without spaces, such as the
    ///     output of `openssl rand -hex 32`. It is kept as its hash.
    ///   - roles: What the principal may do. Defaults to calling agents.
    ///   - claims: What handlers learn about the principal. Defaults to nothing.
    public init(
        _ name: PrincipalID, token: String, roles: Set<Principal.Role> = [.call], claims: JSONObject = [:]
    ) {
        principal = Principal(id: name, roles: roles, claims: claims)
        digest = TokenDigest(of: token.utf8)
        fault = BearerToken.fault(in: token)
    }

    init(_ principal: Principal, digest: TokenDigest) {
        self.principal = principal
        self.digest = digest
        fault = nil
    }
}

extension AccessToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The name, without the token.
    public var description: String { "AccessToken(\(principal.id))" }
    /// The same as ``description``.
    public var debugDescription: String { description }
    /// Empty, because `dump` and debuggers would show the hash of the token.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Tokens by which requests are authenticated.
struct TokenTable: Sendable {
    let tokens: [AccessToken]

    /// - Throws: ``ServerError`` with code `invalidToken`.
    init(_ tokens: [AccessToken]) throws(ServerError) {
        for token in tokens {
            if let fault = token.fault { throw .invalidToken("that of \(token.principal.id) \(fault)") }
            if token.principal.roles.isEmpty { throw .invalidTokens("\(token.principal.id) has no role") }
        }
        if let names = Self.duplicate(in: tokens) {
            throw .invalidTokens("\(names.0) and \(names.1) have the same token")
        }
        self.tokens = tokens
    }

    /// Returns the names of two tokens that are equal.
    private static func duplicate(in tokens: [AccessToken]) -> (PrincipalID, PrincipalID)? {
        var known: [TokenDigest: PrincipalID] = [:]
        for token in tokens {
            if let other = known.updateValue(token.principal.id, forKey: token.digest) {
                return (other, token.principal.id)
            }
        }
        return nil
    }

    /// Returns the principal of a token, or `nil` if the token is unknown. The duration does not depend on the token.
    func principal(of digest: TokenDigest) -> Principal? {
        var found: Int?
        for index in tokens.indices where tokens[index].digest.isEqualInConstantTime(to: digest) { found = index }
        return found.map { tokens[$0].principal }
    }

    func outcome(of request: HTTPRequest) -> Authentication.Outcome {
        guard let token = request.bearerToken else { return .denied }
        return principal(of: TokenDigest(of: token.utf8)).map { .accepted($0) } ?? .denied
    }
}
