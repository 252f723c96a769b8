// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation
import HTTPTypes
import JWTKit
import Logging
import Synchronization

/// Verifies the tokens of one issuer.
final class JWTVerifier: Sendable {
    private let configuration: JWTConfiguration
    private let keys: KeyStore
    private let logger: Logger
    private let now: @Sendable () -> Double
    private let verified: Mutex<VerifiedTokens>

    /// - Parameter now: Returns the seconds since 1970.
    init(
        _ configuration: JWTConfiguration, keys: KeyStore, logger: Logger,
        now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
    ) {
        self.configuration = configuration
        self.keys = keys
        self.logger = logger
        self.now = now
        verified = Mutex(VerifiedTokens(maximum: configuration.cachedTokens))
    }

    func outcome(of request: HTTPRequest) async throws(AuthenticationUnavailable) -> Authentication.Outcome {
        guard let token = request.bearerToken else { return .denied }
        let digest = TokenDigest(of: token.utf8)
        let now = now()
        if let generation = keys.generation,
            let principal = verified.withLock({ $0.principal(of: digest, at: now, keys: generation) })
        {
            return .accepted(principal)
        }
        do {
            let signed = try SignedToken(token, configuration)
            let set = try await keys.set(for: signed.keyID)
            let claims = try TokenClaims(try verify(signed, set), configuration, at: now)
            verified.withLock {
                $0.insert(.init(principal: claims.principal, end: claims.end, keys: set.generation), for: digest)
            }
            return .accepted(claims.principal)
        } catch let error as TokenRejection {
            logger.debug("a token was rejected", metadata: ["issuer": "\(configuration.issuer)", "reason": "\(error)"])
            return .denied
        } catch {
            throw error as? AuthenticationUnavailable ?? AuthenticationUnavailable("\(error)")
        }
    }

    /// Returns the claims of a token whose signature is valid.
    private func verify(_ token: SignedToken, _ set: KeySet) throws(TokenRejection) -> JSONObject {
        let candidates = set.verifiers(for: token.keyID, token.algorithm)
        guard !candidates.isEmpty else {
            throw TokenRejection(
                token.keyID == nil
                    ? "it does not name its key (kid), and the issuer has not exactly one for its algorithm"
                    : "its key is unknown, or is not for its algorithm (kid)")
        }
        let isGenuine = candidates.contains { key in
            (try? key.verify(token.signature, signs: token.content)) == true
        }
        guard isGenuine else { throw TokenRejection("its signature is wrong") }
        return try token.claims()
    }
}

extension Authentication {
    /// Accepts JSON Web Tokens of an issuer as `Authorization: Bearer …`, and finds the principal in their claims.
    ///
    /// The id of the principal is the issuer, `|` and the value of ``JWTConfiguration/principalClaim``; its claims are those
    /// of the token. Tokens of several issuers are accepted with `Authentication.any(_:)`.
    ///
    /// Why a token was rejected is logged at level debug. If the keys of the issuer cannot be loaded, requests are rejected
    /// with 503.
    ///
    /// - Parameters:
    ///   - configuration: Which tokens are accepted, and what their owners may do.
    ///   - logger: Receives messages about tokens and keys, without tokens. Defaults to a logger labelled `acp.jwt`.
    /// - Throws: `ServerError` with code `invalidConfiguration`.
    public static func jwt(
        _ configuration: JWTConfiguration, logger: Logger = Logger(label: "acp.jwt")
    ) throws(ServerError) -> Authentication {
        try configuration.validate()
        return jwt(
            JWTVerifier(
                configuration, keys: KeyStore(configuration.keys, configuration.algorithms, logger: logger),
                logger: logger))
    }

    static func jwt(_ verifier: JWTVerifier) -> Authentication {
        Authentication(isBearer: true, findsPrincipals: true) { try await verifier.outcome(of: $0) }
    }
}
