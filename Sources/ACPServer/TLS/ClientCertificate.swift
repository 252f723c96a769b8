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
    /// Allows requests of clients whose verified certificate satisfies a check. It requires ``ServerTLS/clientAuthorities``.
    ///
    /// - Parameter isAllowed: Returns whether the client is allowed. Defaults to all whose certificate is verified.
    public static func clientCertificate(
        _ isAllowed: @escaping @Sendable (ClientCertificate) async throws -> Bool = { _ in true }
    ) -> Authentication {
        .custom { _ in
            guard let certificate = ClientCertificate.current else { return false }
            return try await isAllowed(certificate)
        }
    }
}
