// SPDX-License-Identifier: Apache-2.0

/// Warns of settings that open a server more than is usually intended.
struct SecurityCheck {
    let results: [CheckResult]

    init(_ values: SettingValues) {
        let authentication = ServeSettings.authentication
        let isLoopback = ServeSettings.listening.address(values).isLoopback
        var results: [CheckResult] = []
        let methods = authentication.methods(values)
        let definitions = authentication.definitions + ServeSettings.tokens.definitions
        if definitions.contains(where: { values.isFaulty($0) }) {
            results.append(.skipped("authentication"))
        } else if !methods.isEmpty {
            let names = methods.map { values.name(of: $0) }.joined(separator: ", ")
            let isolation = values[authentication.isolation] ? "principals are isolated" : "all share runs and sessions"
            results.append(.ok("authentication", "a credential is required (\(names)); \(isolation)"))
            if !isLoopback, values[ServeSettings.tls.certificate] == nil, values[ServeSettings.urls.publicURL] == nil {
                results.append(
                    .warning(
                        "authentication",
                        "tokens are sent without encryption: set \(ServeSettings.tls.certificate.names), or let a proxy with TLS be the only client"
                    ))
            }
        } else if values[ServeSettings.tls.clientCA] != nil, !values[ServeSettings.tls.clientOptional] {
            results.append(.ok("authentication", "a certificate of clients is required"))
        } else if isLoopback {
            results.append(.ok("authentication", "none: all programs of this machine are allowed"))
        } else {
            results.append(
                .warning(
                    "authentication",
                    "all requests from other machines are allowed: set \(authentication.tokensFile.names)")
            )
        }
        if values[ServeSettings.urls.signingFile] != nil || !values[ServeSettings.urls.secrets].isEmpty {
            let signing = ServeSettings.urls.definitions.contains { values.isFaulty($0) }
            results.append(signing ? .skipped("signed URLs") : .ok("signed URLs", "URLs are signed"))
        }
        for setting in [ServeSettings.links.allowPrivate, ServeSettings.runs.reportErrorDescriptions]
        where values[setting] && !isLoopback {
            results.append(.warning("security", "\(values.name(of: setting)) is for development only"))
        }
        self.results = results
    }
}
