// SPDX-License-Identifier: Apache-2.0

package import Foundation
import NIOSSL

/// What the certificates of a server contain, for operators.
package struct TLSInspection: Sendable {
    /// The certificate of the server.
    package let certificate: ClientCertificate
    /// The time from which the certificate of the server is valid.
    package let notValidBefore: Date
    /// The certificates of intermediate authorities.
    package let intermediates: [ClientCertificate]
    /// The certificates of the authorities of clients.
    package let clientAuthorities: [ClientCertificate]
}

extension ServerTLS {
    /// Reads the certificates and the key as a server does when it starts, and returns what the certificates contain.
    ///
    /// - Throws: ``ServerError`` with code `invalidCertificate` or `invalidConfiguration`.
    package func inspect() throws(ServerError) -> TLSInspection {
        try validate()
        let credentials = try TLSCredentials(self)
        let chain = try Self.contents(certificateChain, "the certificate chain (tls.certificateChain)")
        let authorities =
            if let clientAuthorities {
                try Self.contents(clientAuthorities, "the authorities of clients (tls.clientAuthorities)")
            } else {
                [ClientCertificate]()
            }
        return TLSInspection(
            certificate: chain[0], notValidBefore: credentials.validity.lowerBound,
            intermediates: Array(chain.dropFirst()), clientAuthorities: authorities)
    }

    private static func contents(_ pem: PEM, _ name: String) throws(ServerError) -> [ClientCertificate] {
        let certificates = try TLSCredentials.certificates(in: pem, name)
        do {
            return try certificates.map { try ClientCertificate(der: $0.toDERBytes()) }
        } catch {
            throw .invalidCertificate("\(name) in \(pem) cannot be parsed: \(error)")
        }
    }
}
