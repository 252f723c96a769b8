// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ArgumentParser
import Foundation
import Logging

/// Which URLs a server gives out.
struct URLOptions: ParsableArguments {
    @Option(
        help: """
            The URL under which clients and other servers reach this one, as https://agents.example.com/acp. (default: what each \
            request was sent to)
            """)
    var publicUrl: String?

    @Option(
        help: ArgumentHelp(
            """
            The address of a proxy, or a range of them as 10.0.0.0/8, whose X-Forwarded-Proto, -Host, -Prefix and Forwarded are \
            believed; `everybody` where only the proxy can reach this server. Can be given several times.
            """,
            valueName: "address"))
    var trustedProxy: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            A file with secrets, one per line: the URLs of messages and states are then signed with the first, expire, and are \
            answered with a signature of any of them, or with the token. (default: the secrets in $ACP_URL_SECRET, or none)
            """,
            valueName: "file"))
    var signUrlsWith: String?

    @Option(help: "For how many seconds a signed URL can be used.")
    var signedUrlLifetime = 86_400

    func validate() throws {
        do {
            try ServerConfiguration(publicURL: publicUrl, trustedProxies: try proxies()).validate()
        } catch {
            throw ValidationError("\(error).")
        }
        guard (1...315_360_000).contains(signedUrlLifetime) else {
            throw ValidationError("--signed-url-lifetime has to be 1 to 315360000.")
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
                "URLs are signed, but there is no --token: whoever knows the id of a session can ask for its signed URLs"
            )
        }
    }

    private func proxies() throws(ServerError) -> TrustedProxies? {
        if trustedProxy.isEmpty { return nil }
        if trustedProxy.contains("everybody") { return .everybody }
        return try TrustedProxies(trustedProxy)
    }

    /// The secrets, the one that signs first. They never stand on the command line, where others can see them.
    private func secrets() throws -> [String]? {
        guard let path = signUrlsWith else {
            let text = try EnvironmentVariable.secret("ACP_URL_SECRET", otherwise: "URLs are then not signed")
            return text?.split(whereSeparator: \.isWhitespace).map(String.init)
        }
        guard let data = contents(ofFile: path), let text = String(data: data, encoding: .utf8)
        else {
            throw ValidationError("--sign-urls-with \(path): there is no such file, or it cannot be read as text.")
        }
        let secrets = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter {
            !$0.isEmpty
        }
        guard !secrets.isEmpty else {
            throw ValidationError("--sign-urls-with \(path): the file holds no secret. Write one into each line.")
        }
        return secrets
    }
}
