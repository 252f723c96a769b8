// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// How a connection is encrypted.
public struct RedisTLSConfiguration: Hashable, Sendable {
    /// What is checked about the server's certificate.
    public enum Verification: Hashable, Sendable {
        /// It is signed by a trusted authority and made out for the host. Default.
        case full
        /// It is signed by a trusted authority.
        case withoutHostname
        /// Nothing: anybody in between can read and change the traffic. For tests.
        case none
    }

    /// Certificates and keys in PEM form.
    public enum PEM: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        /// The path of a file.
        case file(String)
        /// The text itself.
        case text(String)

        /// The path of a file; never the text, which may be a private key.
        public var description: String {
            switch self {
            case .file(let path): path
            case .text: "(PEM text)"
            }
        }

        /// Shows no more than ``description`` does.
        public var customMirror: Mirror { Mirror(self, children: ["pem": description]) }
    }

    /// What is checked about the server's certificate. Default: ``Verification/full``.
    public var verification: Verification
    /// The authorities that are trusted; nil means those of the system.
    public var certificateAuthorities: PEM?
    /// The certificate that the client shows, with its chain, for servers that want one. Needs ``privateKey``.
    public var clientCertificate: PEM?
    /// The private key of ``clientCertificate``.
    public var privateKey: PEM?
    /// The name that the server's certificate must be made out for; nil means the host of the address.
    public var serverName: String?

    /// Makes a configuration; without arguments, one that trusts the authorities of the system.
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
    /// Reads the certificates. Costly: once per client.
    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        switch verification {
        case .full: configuration.certificateVerification = .fullVerification
        case .withoutHostname: configuration.certificateVerification = .noHostnameVerification
        case .none: configuration.certificateVerification = .none
        }
        if let authorities = certificateAuthorities {
            configuration.trustRoots = .certificates(try Self.certificates(authorities, "certificate authorities"))
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
                .invalidConfiguration, "A TLS client certificate needs its private key, and the other way round.")
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw RedisError(
                .invalidConfiguration,
                "The TLS configuration is not accepted: check that certificate and private key belong together.",
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
            throw RedisError(.invalidConfiguration, "The TLS \(what) contain no certificate: \(pem).")
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
                "The TLS \(what) cannot be read from \(pem): check that it exists and is PEM.",
                cause: error
            )
        }
    }
}
