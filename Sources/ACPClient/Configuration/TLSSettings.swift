// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// How `https` connections are secured.
///
/// ```swift
/// var configuration = ACPClient.Configuration()
/// configuration.tls.trustRoots = .file("/etc/acp/ca.pem")
/// ```
public struct TLSSettings: Sendable, Hashable {
    /// Whose signature makes a server's certificate trusted.
    public enum TrustRoots: Sendable, Hashable {
        /// The authorities that the system trusts.
        case system
        /// The authorities in a PEM file.
        case file(String)
        /// The authorities in PEM text.
        case pem(String)
    }

    /// What is checked of a server's certificate.
    public enum Verification: Sendable, Hashable {
        /// The chain and the host's name.
        case full
        /// The chain only: for servers reached by an address that their certificate does not name.
        case chainOnly
        /// Nothing: anyone in between can read and change everything. For experiments only.
        case none
    }

    /// A certificate by which this client shows who it is, with its private key: paths of PEM files.
    public struct ClientCertificate: Sendable, Hashable {
        public var chainFile: String
        public var keyFile: String

        public init(chainFile: String, keyFile: String) {
            self.chainFile = chainFile
            self.keyFile = keyFile
        }
    }

    /// The system's authorities unless set.
    public var trustRoots: TrustRoots
    /// Full unless set.
    public var verification: Verification
    /// None unless set.
    public var clientCertificate: ClientCertificate?

    public init(
        trustRoots: TrustRoots = .system,
        verification: Verification = .full,
        clientCertificate: ClientCertificate? = nil
    ) {
        self.trustRoots = trustRoots
        self.verification = verification
        self.clientCertificate = clientCertificate
    }

    /// Reads the certificates, so that a missing file is found when the client is made and not at its first call.
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
                .invalidConfiguration, "cannot read \(what): a readable file in PEM format is needed", cause: error)
        }
    }
}
