// SPDX-License-Identifier: Apache-2.0

import Crypto
public import Foundation
import NIOSSL
import SwiftASN1
import X509

/// The verified certificate of a client.
///
/// ```swift
/// configuration.authentication = .clientCertificate { certificate in
///     certificate.commonName == "scheduler"
/// }
/// ```
public struct ClientCertificate: Sendable, Hashable {
    /// The certificate of the client whose request is being processed. `nil` if the client has sent none, and outside of
    /// the processing of a request: in the handler of an agent, for example.
    ///
    /// It is verified: an authority of ``ServerTLS/clientAuthorities`` has signed it, and it was valid when the
    /// connection was established.
    public static var current: ClientCertificate? { TLSPeer.current?.certificate }

    /// The distinguished name of the subject in the form of RFC 4514, such as `CN=scheduler,O=Example`.
    public let subject: String
    /// The last common name of the subject. `nil` if it has none.
    public let commonName: String?
    /// The DNS names, URIs and e-mail addresses of the subject (subject alternative names).
    public let alternativeNames: [String]
    /// The distinguished name of the authority that has signed the certificate.
    public let issuer: String
    /// The time until which the certificate is valid.
    public let notValidAfter: Date
    /// The SHA-256 hash of the certificate, in hexadecimal.
    public let fingerprint: String

    /// Reads a certificate.
    ///
    /// - Throws: If the certificate cannot be parsed.
    init(der: [UInt8]) throws {
        let certificate = try Certificate(derEncoded: der)
        subject = certificate.subject.description
        commonName =
            certificate.subject.lazy.flatMap { $0 }.last { $0.type == .RDNAttributeType.commonName }
            .flatMap { String($0.value) }
        alternativeNames =
            try certificate.extensions.subjectAlternativeNames?.compactMap { name in
                switch name {
                case .dnsName(let name), .rfc822Name(let name), .uniformResourceIdentifier(let name): name
                default: nil
                }
            } ?? []
        issuer = certificate.issuer.description
        notValidAfter = certificate.notValidAfter
        fingerprint = SHA256.hash(data: der).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}

extension Authentication {
    /// Finds the principals of clients with a verified certificate. It requires ``ServerTLS/clientAuthorities``.
    ///
    /// The id of the principal is the certificate's subject, such as `CN=scheduler,O=Example`, or `sha256:` and its
    /// fingerprint if the subject has more than 255 bytes. Its claims are `issuer`, `common_name` and
    /// `alternative_names`.
    ///
    /// - Parameters:
    ///   - roles: What these clients may do. Defaults to calling agents.
    ///   - isAllowed: Returns whether a client is allowed. Defaults to all whose certificate is verified.
    public static func clientCertificate(
        roles: Set<Principal.Role> = [.call],
        _ isAllowed: @escaping @Sendable (ClientCertificate) async throws -> Bool = { _ in true }
    ) -> Authentication {
        clientCertificate { certificate in
            try await isAllowed(certificate) ? certificate.principal(roles: roles) : nil
        }
    }

    /// Finds the principals of clients with a verified certificate. It requires ``ServerTLS/clientAuthorities``.
    ///
    /// ```swift
    /// configuration.authentication = .clientCertificate { certificate in
    ///     certificate.principal(roles: certificate.commonName == "operator" ? [.administer] : [.call])
    /// }
    /// ```
    ///
    /// - Parameter principal: Returns the principal of a client. If `nil`, the client is not allowed.
    public static func clientCertificate(
        principal: @escaping @Sendable (ClientCertificate) async throws -> Principal?
    ) -> Authentication {
        .principal { _ in
            guard let certificate = ClientCertificate.current else { return nil }
            return try await principal(certificate)
        }
    }
}

extension ClientCertificate {
    /// Returns the principal whose id is the subject of this certificate.
    ///
    /// - Parameter roles: What the principal may do. Defaults to calling agents.
    public func principal(roles: Set<Principal.Role> = [.call]) -> Principal? {
        guard let id = PrincipalID(rawValue: subject) ?? PrincipalID(rawValue: "sha256:\(fingerprint)") else {
            return nil
        }
        var claims: JSONObject = ["issuer": .string(issuer)]
        if let commonName { claims["common_name"] = .string(commonName) }
        if !alternativeNames.isEmpty { claims["alternative_names"] = .array(alternativeNames.map { .string($0) }) }
        return Principal(id: id, roles: roles, claims: claims)
    }
}
