// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// The TLS settings of `https` connections.
///
/// ```swift
/// var configuration = ACPClient.Configuration()
/// configuration.tls.trustRoots = .file("/etc/acp/ca.pem")
/// ```
public struct TLSSettings: Sendable, Hashable {
    /// The certificate authorities that are trusted.
    public enum TrustRoots: Sendable, Hashable {
        /// The authorities that the system trusts.
        case system
        /// The authorities in a PEM file.
        case file(String)
        /// The authorities in PEM text.
        case pem(String)
    }

    /// How a server's certificate is verified.
    public enum Verification: Sendable, Hashable {
        /// Verifies the chain and the host name.
        case full
        /// Verifies the chain only: for servers at an address that their certificate does not contain.
        case chainOnly
        /// Verifies nothing, so that connections can be intercepted. Use it for experiments only.
        case none
    }

    /// The certificate that authenticates the client, with its private key.
    public struct ClientCertificate: Sendable, Hashable {
        /// The path of the PEM file with the certificate chain.
        public var chainFile: String
        /// The path of the PEM file with the private key.
        public var keyFile: String

        /// Creates a client certificate from the paths of PEM files.
        public init(chainFile: String, keyFile: String) {
            self.chainFile = chainFile
            self.keyFile = keyFile
        }
    }

    /// The trusted certificate authorities. Defaults to those of the system.
    public var trustRoots: TrustRoots
    /// How a server's certificate is verified. Defaults to ``Verification/full``.
    public var verification: Verification
    /// The certificate that authenticates the client. If `nil`, which is the default, none is sent.
    public var clientCertificate: ClientCertificate?

    /// Creates TLS settings. The parameters have the defaults that the properties document.
    public init(
        trustRoots: TrustRoots = .system,
        verification: Verification = .full,
        clientCertificate: ClientCertificate? = nil
    ) {
        self.trustRoots = trustRoots
        self.verification = verification
        self.clientCertificate = clientCertificate
    }

    /// Reads the certificates, so that a missing file is reported when the client is created, and not at its first
    /// call.
    func makeTLSConfiguration() throws(ACPClientError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        switch verification {
        case .full: tls.certificateVerification = .fullVerification
        case .chainOnly: tls.certificateVerification = .noHostnameVerification
        case .none: tls.certificateVerification = .none
        }
        switch trustRoots {
        case .system:
            break
        case .file(let path):
            tls.trustRoots = .certificates(
                try load("the trusted certificates from \(path)") { try NIOSSLCertificate.fromPEMFile(path) })
        case .pem(let text):
            tls.trustRoots = .certificates(
                try load("the trusted certificates from the PEM text") {
                    try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
                })
        }
        if let clientCertificate {
            tls.certificateChain = try load("the client certificate from \(clientCertificate.chainFile)") {
                try NIOSSLCertificate.fromPEMFile(clientCertificate.chainFile)
            }.map { .certificate($0) }
            tls.privateKey = .privateKey(
                try load("the private key from \(clientCertificate.keyFile)") {
                    try NIOSSLPrivateKey(file: clientCertificate.keyFile, format: .pem)
                })
        }
        return tls
    }

    private func load<Value>(_ what: String, _ body: () throws -> Value) throws(ACPClientError) -> Value {
        do {
            return try body()
        } catch {
            throw ACPClientError(
                .invalidConfiguration, "cannot read \(what): a readable file in PEM format is required", cause: error)
        }
    }
}
