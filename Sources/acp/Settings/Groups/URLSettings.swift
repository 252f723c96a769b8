// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation

/// The URLs that a server sends to clients.
struct URLSettings: SettingGroup {
    let publicURL = Setting<String?>(
        "urls.public", flag: "public-url", valueName: "url", otherwise: "the URL of each request",
        help: """
            The URL at which clients and other servers reach this one, such as https://agents.example.com/acp.
            """
    ) { (url: String) in fault { try ServerConfiguration(publicURL: url).validate() } }

    let trustedProxies = Setting(
        "urls.trustedProxies", flag: "trusted-proxy", valueName: "address", default: [String](),
        help: """
            The address of a proxy, or a range such as 10.0.0.0/8, whose headers X-Forwarded-Proto, -Host, -Prefix and \
            Forwarded are trusted; `everybody` if only the proxy can reach this server.
            """
    ) { proxies in fault { _ = try Self.proxies(proxies) } }

    let signingFile = Setting<String?>(
        "urls.signingFile", flag: "sign-urls-with", valueName: "file", otherwise: "URLs are not signed",
        help: """
            A file with secrets, one per line. The URLs of messages and states are then signed with the first one, expire, \
            and require a signature with any of them, or the token.
            """)

    // Not a flag, because other users of the machine can see command lines.
    let secrets = Setting(
        "urls.secrets", flag: nil, variable: "ACP_URL_SECRET", default: [String](), defaultNote: "URLs are not signed",
        secrecy: .all,
        help: """
            The secrets with which URLs are signed, instead of a file with them. In the variable they are separated by white \
            space.
            """)

    let signedLifetime = Setting(
        "urls.signedLifetime", flag: "signed-url-lifetime", valueName: "seconds", default: 86_400,
        help: "How long a signed URL is valid.", fault: Rule.within(1...315_360_000))

    func problems(in values: SettingValues) -> [SettingProblem] {
        do throws(SettingFault) {
            _ = try signing(values)
            return []
        } catch {
            let setting: any SettingDefinition = values[signingFile] == nil ? secrets : signingFile
            return [SettingProblem([setting.key], "\(values.name(of: setting)) \(error.predicate)")]
        }
    }

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        configuration.publicURL = values[publicURL]
        configuration.trustedProxies = try? Self.proxies(values[trustedProxies])
        configuration.urlSigning = try? signing(values)
    }

    private static func proxies(_ texts: [String]) throws(ServerError) -> TrustedProxies? {
        if texts.isEmpty { return nil }
        if texts.contains("everybody") { return .all }
        return try TrustedProxies(texts)
    }

    /// Returns what signs URLs: with the secrets of the file if there is one.
    ///
    /// - Throws: ``SettingFault`` of the setting with the secrets. It does not contain them.
    private func signing(_ values: SettingValues) throws(SettingFault) -> URLSigning? {
        var keys = values[secrets]
        if let path = values[signingFile] {
            guard let data = contents(ofFile: path), let text = String(data: data, encoding: .utf8) else {
                throw SettingFault(predicate: "is \(path): the file does not exist, or cannot be read as text")
            }
            keys = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { !$0.isEmpty }
            guard !keys.isEmpty else {
                throw SettingFault(predicate: "is \(path): the file contains no secret. Write one secret per line")
            }
        }
        if keys.isEmpty { return nil }
        do {
            return try URLSigning(keys: keys, lifetime: .seconds(values[signedLifetime]))
        } catch {
            throw SettingFault(predicate: "cannot be used: \(error.message)")
        }
    }
}

/// Returns the message of an error as the predicate of a sentence.
func fault(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return "is not valid: \(error)"
    }
}
