// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// The certificates of a server.
struct TLSServerSettings: SettingGroup {
    let certificate = Setting<String?>(
        "tls.certificate", flag: "tls-certificate", valueName: "file", otherwise: "the server serves HTTP",
        help: """
            A PEM file with the server's certificate, followed by those of intermediate authorities. The server then serves \
            HTTPS only. The file is read again when it changes.
            """)

    let key = Setting<String?>(
        "tls.key", flag: "tls-key", valueName: "file", otherwise: "none",
        help: "A PEM file with the private key of the server's certificate.")

    let clientCA = Setting<String?>(
        "tls.clientCA", flag: "tls-client-ca", valueName: "file", otherwise: "clients are not asked for a certificate",
        help: """
            A PEM file with the certificate authorities of clients. Connections without a certificate of one of them are \
            rejected.
            """)

    let clientOptional = Setting(
        "tls.clientOptional", flag: "tls-client-optional", default: false,
        help: "Also accept clients without a certificate. Only with --tls-client-ca.")

    let http2 = Setting(
        "tls.http2", flag: "http2", default: true,
        help: "Serve clients that support HTTP/2 with it. All others use HTTP/1.1, and all with --no-http2.")

    func problems(in values: SettingValues) -> [SettingProblem] {
        var problems: [SettingProblem] = []
        switch (values[certificate], values[key]) {
        case (_?, nil): problems.append(missing(key, for: certificate, values))
        case (nil, _?): problems.append(missing(certificate, for: key, values))
        default: break
        }
        if values[clientCA] != nil, values[certificate] == nil, values[key] == nil {
            problems.append(missing(certificate, for: clientCA, values))
        }
        if values[clientOptional], values[clientCA] == nil {
            problems.append(missing(clientCA, for: clientOptional, values))
        }
        return problems
    }

    private func missing(
        _ setting: Setting<String?>, for other: some SettingDefinition, _ values: SettingValues
    ) -> SettingProblem {
        SettingProblem([other.key], "\(values.name(of: other)) requires \(setting.names)")
    }

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        guard let certificate = values[certificate], let key = values[key] else { return }
        configuration.tls = ServerTLS(
            certificateChain: .file(certificate), privateKey: .file(key),
            clientAuthorities: values[clientCA].map { .file($0) },
            clientCertificates: values[clientOptional] ? .optional : .required, offersHTTP2: values[http2])
    }
}
