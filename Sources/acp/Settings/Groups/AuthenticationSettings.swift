// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPServer

/// Who may call a server, and what callers reach.
struct AuthenticationSettings: SettingGroup {
    let token = Setting<String?>(
        "authentication.token", flag: "token", variable: "ACP_SERVER_TOKEN", valueName: "token",
        otherwise: "none", secrecy: .all,
        help: """
            A bearer token whose owner may do everything: visible ASCII characters without spaces. Unlike the option, \
            $ACP_SERVER_TOKEN is not visible to other users of the machine. Without any authentication, all requests are \
            allowed.
            """
    ) { (token: String) in BearerToken.fault(in: token) }

    let tokensFile = Setting<String?>(
        "authentication.tokensFile", flag: "tokens", valueName: "file", otherwise: "none",
        help: """
            A file with named tokens, each of which stands for a principal: lines with a name, roles (read, call, \
            administer) and a token or its SHA-256 hash. The file is read again when it changes.
            """
    ) { (path: String) in fault { _ = try Authentication.tokens(file: path) } }

    // Not a flag, because other users of the machine can see command lines.
    let tokens = Setting<String?>(
        "authentication.tokens", flag: nil, variable: "ACP_TOKENS", otherwise: "none", secrecy: .all,
        help: "Named tokens instead of a file with them, as lines, or separated by semicolons."
    ) { (text: String) in fault { _ = try Authentication.tokens(text: text, of: "the text") } }

    let clientCertificates = Setting(
        "authentication.clientCertificates", flag: "authenticate-clients", default: false,
        help: """
            Accept a certificate of --tls-client-ca instead of a token. The subject of the certificate is the principal, with \
            the role call.
            """)

    let isolation = Setting(
        "authentication.isolation", flag: "isolation", default: false,
        help: """
            Let each principal reach only its own runs and sessions. It requires that all callers are principals: named \
            tokens, JSON Web Tokens or certificates of clients.
            """)

    let publicRoutes = Setting(
        "authentication.publicRoutes", flag: "public", valueName: "route",
        default: PublicRoutes.names.filter { PublicRoutes.standard.contains($0.route) }.map(\.name),
        help: """
            What requires no credential: \(PublicRoutes.names.map(\.name).joined(separator: ", ")), or none. Replaces the \
            default.
            """
    ) { names in
        let isValid = names == [Self.noRoute] || names.allSatisfy { PublicRoutes(name: $0) != nil }
        return isValid ? nil : "must be some of \(PublicRoutes.names.map(\.name).joined(separator: ", ")), or none"
    }

    private static let noRoute = "none"

    func problems(in values: SettingValues) -> [SettingProblem] {
        var problems: [SettingProblem] = []
        let clientCA = ServeSettings.tls.clientCA
        if values[clientCertificates], values[clientCA] == nil {
            problems.append(
                SettingProblem(
                    [clientCertificates.key], "\(values.name(of: clientCertificates)) requires \(clientCA.names)"))
        }
        guard values[isolation] else { return problems }
        let name = values.name(of: isolation)
        if values[token] != nil {
            problems.append(
                SettingProblem(
                    [isolation.key],
                    "\(name) requires principals, which \(values.name(of: token)) does not have: use \(tokensFile.names) instead"
                ))
        } else if methods(values).isEmpty, !definitions.contains(where: { values.isFaulty($0) }) {
            problems.append(SettingProblem([isolation.key], "\(name) requires principals: set \(tokensFile.names)"))
        }
        return problems
    }

    /// Returns the settings each of which is a way to authenticate that is used.
    func methods(_ values: SettingValues) -> [any SettingDefinition] {
        let credentials: [any SettingDefinition] = [token, tokensFile, tokens, ServeSettings.tokens.issuer]
        return credentials.filter { values.isSet($0) } + (values[clientCertificates] ? [clientCertificates] : [])
    }

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) throws(ServerError) {
        var methods: [Authentication] = []
        if let token = values[token] { methods.append(.bearer(token)) }
        if let path = values[tokensFile] { methods.append(try .tokens(file: path)) }
        if let text = values[tokens] { methods.append(try .tokens(text: text, of: tokens.variable)) }
        if let method = try ServeSettings.tokens.authentication(values) { methods.append(method) }
        if values[clientCertificates] { methods.append(.clientCertificate()) }
        configuration.authentication = methods.isEmpty ? nil : .any(methods)
        configuration.isolation = values[isolation]
        configuration.publicRoutes = PublicRoutes(values[publicRoutes].compactMap(PublicRoutes.init(name:)))
    }
}
