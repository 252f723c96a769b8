// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ArgumentParser

/// The certificates of a server.
struct ServerTLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A PEM file with the server's certificate, followed by those of intermediate authorities. The server then serves \
            HTTPS only. The file is read again when it changes.
            """,
            valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("A PEM file with the private key of the server's certificate.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            """
            A PEM file with the certificate authorities of clients. Connections without a certificate of one of them are \
            rejected.
            """,
            valueName: "file"))
    var tlsClientCa: String?

    @Flag(help: "Also accept clients without a certificate. Only with --tls-client-ca.")
    var tlsClientOptional = false

    func validate() throws {
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key require each other.")
        }
        guard tlsClientCa == nil || tlsCertificate != nil else {
            throw ValidationError("--tls-client-ca requires --tls-certificate and --tls-key.")
        }
        guard !tlsClientOptional || tlsClientCa != nil else {
            throw ValidationError("--tls-client-optional requires --tls-client-ca.")
        }
    }

    func apply(to configuration: inout ServerConfiguration) {
        guard let tlsCertificate, let tlsKey else { return }
        configuration.tls = ServerTLS(
            certificateChain: .file(tlsCertificate), privateKey: .file(tlsKey),
            clientAuthorities: tlsClientCa.map { .file($0) },
            clientCertificates: tlsClientOptional ? .optional : .required)
    }
}
