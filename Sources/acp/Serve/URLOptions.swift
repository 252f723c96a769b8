// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ArgumentParser
import Foundation
import Logging

/// The URLs that a server sends to clients.
struct URLOptions: ParsableArguments {
    @Option(
        help: """
            The URL at which clients and other servers reach this one, such as https://agents.example.com/acp. (default: \
            the URL of each request)
            """)
    var publicUrl: String?

    @Option(
        help: ArgumentHelp(
            """
            The address of a proxy, or a range such as 10.0.0.0/8, whose headers X-Forwarded-Proto, -Host, -Prefix and \
            Forwarded are trusted; `everybody` if only the proxy can reach this server. Repeatable.
            """,
            valueName: "address"))
    var trustedProxy: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            A file with secrets, one per line. The URLs of messages and states are then signed with the first one, expire, \
            and require a signature with any of them, or the token. (default: the secrets in $ACP_URL_SECRET, or none)
            """,
            valueName: "file"))
    var signUrlsWith: String?

    @Option(help: "How long a signed URL is valid, in seconds.")
    var signedUrlLifetime = 86_400

    func validate() throws {
        do {
            try ServerConfiguration(publicURL: publicUrl, trustedProxies: try proxies()).validate()
        } catch {
            throw ValidationError("\(error).")
        }
        guard (1...315_360_000).contains(signedUrlLifetime) else {
            throw ValidationError("--signed-url-lifetime must be 1 to 315360000.")
        }
    }

    func apply(to configuration: inout ServerConfiguration, logger: Logger) throws {
        configuration.publicURL = publicUrl
        configuration.trustedProxies = try proxies()
        guard let secrets = try secrets() else { return }
        do {
            configuration.urlSigning = try URLSigning(keys: secrets, lifetime: .seconds(signedUrlLifetime))
        } catch {
            throw ValidationError("\(error).")
        }
        if configuration.authentication == nil {
            logger.warning(
                "URLs are signed, but there is no --token: anyone who knows the id of a session can get its signed URLs"
            )
        }
    }

    private func proxies() throws(ServerError) -> TrustedProxies? {
        if trustedProxy.isEmpty { return nil }
        if trustedProxy.contains("everybody") { return .all }
        return try TrustedProxies(trustedProxy)
    }

    /// Returns the secrets, of which the first one signs. They are not read from the command line, which other users
    /// can see.
    private func secrets() throws -> [String]? {
        guard let path = signUrlsWith else {
            let text = try EnvironmentVariable.secret("ACP_URL_SECRET", otherwise: "URLs are then not signed")
            return text?.split(whereSeparator: \.isWhitespace).map(String.init)
        }
        guard let data = contents(ofFile: path), let text = String(data: data, encoding: .utf8)
        else {
            throw ValidationError("--sign-urls-with \(path): the file does not exist, or cannot be read as text.")
        }
        let secrets = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter {
            !$0.isEmpty
        }
        guard !secrets.isEmpty else {
            throw ValidationError("--sign-urls-with \(path): the file contains no secret. Write one secret per line.")
        }
        return secrets
    }
}
