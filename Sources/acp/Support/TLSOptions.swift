// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ArgumentParser

/// The certificates of commands that call a server.
struct TLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A PEM file with the certificate authorities that are trusted instead of those of the system. (default: \
            $ACP_CA_FILE)
            """,
            valueName: "file"))
    var caFile: String?

    @Option(
        help: ArgumentHelp(
            "A PEM file with the certificate that the server requires of clients. (default: $ACP_CLIENT_CERTIFICATE)",
            valueName: "file"))
    var clientCertificate: String?

    @Option(
        help: ArgumentHelp(
            "A PEM file with the private key of the client's certificate. (default: $ACP_CLIENT_KEY)",
            valueName: "file"))
    var clientKey: String?

    func validate() throws { _ = try settings() }

    func settings() throws -> TLSSettings {
        var settings = TLSSettings()
        if let file = caFile ?? EnvironmentVariable.text("ACP_CA_FILE") { settings.trustRoots = .file(file) }
        let certificate = clientCertificate ?? EnvironmentVariable.text("ACP_CLIENT_CERTIFICATE")
        let key = clientKey ?? EnvironmentVariable.text("ACP_CLIENT_KEY")
        switch (certificate, key) {
        case (let certificate?, let key?):
            settings.clientCertificate = TLSSettings.ClientCertificate(chainFile: certificate, keyFile: key)
        case (nil, nil): break
        case (_?, nil):
            throw ValidationError("The client's certificate requires its key: set --client-key or ACP_CLIENT_KEY.")
        case (nil, _?):
            throw ValidationError(
                "The client's key requires its certificate: set --client-certificate or ACP_CLIENT_CERTIFICATE.")
        }
        return settings
    }
}
