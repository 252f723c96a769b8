// SPDX-License-Identifier: Apache-2.0

/// The certificates with which an ``ACPServer`` serves HTTPS.
///
/// ```swift
/// var configuration = ServerConfiguration(host: "0.0.0.0", port: 8443)
/// configuration.tls = ServerTLS(
///     certificateChain: .file("/etc/acp/server.pem"), privateKey: .file("/etc/acp/server.key"))
/// ```
///
/// Files are read again when they change. New connections then use the new certificate, and existing connections
/// continue. If the new files cannot be used, the server logs why, and continues with the old ones.
public struct ServerTLS: Sendable, Hashable {
    /// Certificates or a key in PEM format.
    public enum PEM: Sendable, Hashable {
        /// The contents of a file. The server watches the file.
        case file(String)
        /// The contents themselves.
        case bytes([UInt8])
    }

    /// Which clients must have a certificate.
    public enum ClientCertificates: Sendable, Hashable {
        /// Clients may have a certificate. A certificate that is not signed by the authority is rejected.
        case optional
        /// Connections without a certificate of the authority are rejected.
        case required
    }

    /// The oldest version of TLS that is accepted.
    public enum Version: Sendable, Hashable {
        /// TLS 1.2.
        case tls12
        /// TLS 1.3.
        case tls13
    }

    /// The server's certificate, followed by those of intermediate authorities.
    public var certificateChain: PEM
    /// The private key of the certificate, without a passphrase.
    public var privateKey: PEM
    /// The authorities that sign the certificates of clients (mTLS). If `nil`, which is the default, clients are not
    /// asked for a certificate.
    public var clientAuthorities: PEM?
    /// Which clients must have a certificate, if there are ``clientAuthorities``. Defaults to
    /// ``ClientCertificates/required``.
    public var clientCertificates: ClientCertificates
    /// The oldest version of TLS that is accepted. Defaults to ``Version/tls12``.
    public var minimumVersion: Version
    /// How often the files are checked for changes. Defaults to 10 seconds.
    public var reloadInterval: Duration
    /// Whether clients that support HTTP/2 use it (ALPN). Defaults to `true`. All others use HTTP/1.1.
    ///
    /// All requests of such a client share one connection. Their number is limited by
    /// ``ConnectionConfiguration/maximumStreams``.
    public var offersHTTP2: Bool

    /// Creates a configuration. The parameters have the defaults that the properties document.
    public init(
        certificateChain: PEM,
        privateKey: PEM,
        clientAuthorities: PEM? = nil,
        clientCertificates: ClientCertificates = .required,
        minimumVersion: Version = .tls12,
        reloadInterval: Duration = .seconds(10),
        offersHTTP2: Bool = true
    ) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.clientAuthorities = clientAuthorities
        self.clientCertificates = clientCertificates
        self.minimumVersion = minimumVersion
        self.reloadInterval = reloadInterval
        self.offersHTTP2 = offersHTTP2
    }

    /// Reads the certificates and the key.
    ///
    /// - Throws: ``ServerError`` with code `invalidCertificate` or `invalidConfiguration`.
    func validate() throws(ServerError) {
        guard reloadInterval > .zero else {
            throw .invalidConfiguration("tls.reloadInterval is \(reloadInterval): it must be positive")
        }
        _ = try TLSCredentials(self)
    }

    /// The files, in a fixed order.
    var files: [String] {
        [certificateChain, privateKey, clientAuthorities].compactMap {
            if case .file(let path)? = $0 { path } else { nil }
        }
    }
}

extension ServerTLS: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The sources of the certificates, without the key.
    public var description: String {
        "ServerTLS(certificateChain: \(certificateChain), clientAuthorities: \(clientAuthorities.map { "\($0)" } ?? "none"))"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// Empty, because `dump` and debuggers would show the key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ServerTLS.PEM: CustomStringConvertible {
    /// The path of the file, or the number of bytes.
    public var description: String {
        switch self {
        case .file(let path): path
        case .bytes(let bytes): "\(bytes.count) bytes"
        }
    }
}
