// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOSSL

/// The certificates and the key of a server, as they were read.
struct TLSCredentials: Sendable {
    /// The context of connections that may use HTTP/2, if the configuration offers it.
    let context: NIOSSLContext
    /// The context of connections that use HTTP/1.
    let http1Context: NIOSSLContext
    /// The time from which and the time until which the server's certificate is valid.
    let validity: ClosedRange<Date>
    /// The source of the server's certificate, for messages.
    let source: String

    /// Reads the certificates and the key.
    ///
    /// - Throws: ``ServerError`` with code `invalidCertificate`: a file cannot be read, has other contents, or the key
    ///   is that of another certificate.
    init(_ configuration: ServerTLS) throws(ServerError) {
        let chain = try Self.certificates(
            in: configuration.certificateChain, "the certificate chain (tls.certificateChain)")
        let keyName = "the private key (tls.privateKey)"
        let keyBytes = try Self.bytes(of: configuration.privateKey, keyName)
        guard let key = try? NIOSSLPrivateKey(bytes: keyBytes, format: .pem) else {
            throw .invalidCertificate(
                "\(keyName) in \(configuration.privateKey) is not a private key in PEM format without a passphrase: convert it with openssl pkey -in KEY -out NEW"
            )
        }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = configuration.minimumVersion == .tls13 ? .tlsv13 : .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        if let authorities = configuration.clientAuthorities {
            tls.trustRoots = .certificates(
                try Self.certificates(in: authorities, "the authorities of clients (tls.clientAuthorities)"))
            tls.certificateVerification =
                configuration.clientCertificates == .required ? .noHostnameVerification : .optionalVerification
            tls.sendCANameList = true
        }
        do {
            http1Context = try NIOSSLContext(configuration: tls)
            if configuration.offersHTTP2 {
                tls.applicationProtocols = ["h2", "http/1.1"]
                context = try NIOSSLContext(configuration: tls)
            } else {
                context = http1Context
            }
        } catch {
            throw .invalidCertificate(
                "the private key in \(configuration.privateKey) is not that of the first certificate in \(configuration.certificateChain): use the key with which the certificate was requested, and begin the chain with the server's own certificate"
            )
        }
        let leaf = chain[0]
        let (start, end) = (TimeInterval(leaf.notValidBefore), TimeInterval(leaf.notValidAfter))
        validity = Date(timeIntervalSince1970: start)...Date(timeIntervalSince1970: max(start, end))
        source = "\(configuration.certificateChain)"
    }

    /// Returns why clients reject the certificate at a time, or `nil` if it is valid.
    func warning(at date: Date) -> String? {
        if date > validity.upperBound { return "the server's certificate has expired: clients reject it" }
        if date < validity.lowerBound { return "the server's certificate is not valid yet: clients reject it" }
        return nil
    }

    static func certificates(in pem: ServerTLS.PEM, _ name: String) throws(ServerError) -> [NIOSSLCertificate] {
        let bytes = try bytes(of: pem, name)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw .invalidCertificate(
                "\(name) in \(pem) is not valid: one or more certificates in PEM format are required, each from BEGIN CERTIFICATE to END CERTIFICATE"
            )
        }
        return certificates
    }

    private static func bytes(of pem: ServerTLS.PEM, _ name: String) throws(ServerError) -> [UInt8] {
        switch pem {
        case .bytes(let bytes): return bytes
        case .file(let path):
            do {
                return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            } catch {
                let reason =
                    switch (error as? CocoaError)?.code {
                    case .fileReadNoSuchFile, .fileNoSuchFile: "the file does not exist"
                    case .fileReadNoPermission: "permission denied: allow the server's user to read the file"
                    default: "the file cannot be read"
                    }
                throw .invalidCertificate("\(name) cannot be read from \(path): \(reason)")
            }
        }
    }
}
