// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// The TLS options of a connection.
public struct RedisTLSConfiguration: Hashable, Sendable {
    /// The verification of the server's certificate.
    public enum Verification: Hashable, Sendable {
        /// The certificate must be signed by a trusted authority and match the host name.
        case full
        /// The certificate must be signed by a trusted authority.
        case withoutHostname
        /// No verification: an attacker in the network can read and modify the traffic. For tests only.
        case none
    }

    /// Certificates and keys in PEM form.
    public enum PEM: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        /// The path of a file.
        case file(String)
        /// The PEM text.
        case text(String)

        /// The path of a file; never the text, which may contain a private key.
        public var description: String {
            switch self {
            case .file(let path): path
            case .text: "(PEM text)"
            }
        }

        /// The contents of ``description``, so that reflection does not reveal secrets.
        public var customMirror: Mirror { Mirror(self, children: ["pem": description]) }
    }

    /// The verification of the server's certificate. Defaults to ``Verification/full``.
    public var verification: Verification
    /// The trusted certificate authorities. If `nil`, those of the system are trusted.
    public var certificateAuthorities: PEM?
    /// The client certificate with its chain, for servers that require one. Requires ``privateKey``.
    public var clientCertificate: PEM?
    /// The private key of ``clientCertificate``.
    public var privateKey: PEM?
    /// The name that the server's certificate must match. If `nil`, the host of the address.
    public var serverName: String?

    /// Creates TLS options. Without arguments, the certificate authorities of the system are trusted.
    ///
    /// - Parameters:
    ///   - verification: The verification of the server's certificate. Defaults to ``Verification/full``.
    ///   - certificateAuthorities: The trusted certificate authorities. If `nil`, those of the system are trusted.
    ///   - clientCertificate: The client certificate with its chain. Requires a private key.
    ///   - privateKey: The private key of the client certificate.
    ///   - serverName: The name that the server's certificate must match. If `nil`, the host of the address.
    public init(
        verification: Verification = .full,
        certificateAuthorities: PEM? = nil,
        clientCertificate: PEM? = nil,
        privateKey: PEM? = nil,
        serverName: String? = nil
    ) {
        self.verification = verification
        self.certificateAuthorities = certificateAuthorities
        self.clientCertificate = clientCertificate
        self.privateKey = privateKey
        self.serverName = serverName
    }
}

extension RedisTLSConfiguration {
    /// Creates the TLS context. Reads the certificates, which is costly, so it is called once per client.
    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        switch verification {
        case .full: configuration.certificateVerification = .fullVerification
        case .withoutHostname: configuration.certificateVerification = .noHostnameVerification
        case .none: configuration.certificateVerification = .none
        }
        if let authorities = certificateAuthorities {
            configuration.trustRoots = .certificates(try Self.certificates(authorities, "certificate authority list"))
        }
        switch (clientCertificate, privateKey) {
        case (let certificate?, let key?):
            configuration.certificateChain = try Self.certificates(certificate, "client certificate")
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try Self.read(key, "private key", Self.key))
        case (nil, nil):
            break
        default:
            throw RedisError(
                .invalidConfiguration, "A TLS client certificate and its private key must be set together.")
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw RedisError(
                .invalidConfiguration,
                "The TLS configuration is invalid: check that the certificate and the private key match.",
                cause: error
            )
        }
    }

    private static func certificates(_ pem: PEM, _ what: String) throws -> [NIOSSLCertificate] {
        let certificates = try read(pem, what) { pem in
            switch pem {
            case .file(let path): try NIOSSLCertificate.fromPEMFile(path)
            case .text(let text): try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
            }
        }
        guard !certificates.isEmpty else {
            throw RedisError(.invalidConfiguration, "The TLS \(what) contains no certificate: \(pem).")
        }
        return certificates
    }

    private static func key(_ pem: PEM) throws -> NIOSSLPrivateKey {
        switch pem {
        case .file(let path): try NIOSSLPrivateKey(file: path, format: .pem)
        case .text(let text): try NIOSSLPrivateKey(bytes: Array(text.utf8), format: .pem)
        }
    }

    private static func read<Value>(_ pem: PEM, _ what: String, _ body: (PEM) throws -> Value) throws -> Value {
        do {
            return try body(pem)
        } catch {
            throw RedisError(
                .invalidConfiguration,
                "The TLS \(what) cannot be read from \(pem): check that it exists and is in PEM format.",
                cause: error
            )
        }
    }
}
