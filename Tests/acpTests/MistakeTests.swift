// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Testing

@testable import acp

@Suite("Mistakes in settings")
struct MistakeTests {
    struct Case: Sendable {
        var flags: [String] = []
        var environment: [String: String] = [:]
        var file: String?
        let message: String
    }

    static let cases = [
        Case(flags: ["--port", "x"], message: "--port must be a whole number, not \"x\""),
        Case(environment: ["ACP_PORT": "x"], message: "ACP_PORT must be a whole number, not \"x\""),
        Case(
            file: "# one\nport: \"8000\"",
            message: "acp.yaml:2: port must be a whole number, without quotation marks"),
        Case(file: "port: [1]", message: "acp.yaml:1: port must be a whole number"),
        Case(file: "port: 8.5", message: "acp.yaml:1: port must be a whole number"),
        Case(flags: ["--port", "70000"], message: "--port must be 0 to 65535"),
        Case(environment: ["ACP_PORT": "-1"], message: "ACP_PORT must be 0 to 65535"),
        Case(file: "port: 70000", message: "acp.yaml:1: port must be 0 to 65535"),
        Case(file: "runs: {lease: nan}", message: "acp.yaml:1: runs.lease must be a number, without quotation marks"),
        Case(
            environment: ["ACP_METRICS_ENABLED": "perhaps"],
            message: "ACP_METRICS_ENABLED must be true or false, not \"perhaps\""),
        Case(file: "metrics:\n  enabled: 1", message: "acp.yaml:2: metrics.enabled must be true or false"),
        Case(flags: ["--log-format", "xml"], message: "--log-format must be one of text, json"),
        Case(
            file: "storage:\n  prefix: 5",
            message: "acp.yaml:2: storage.prefix must be a text: write the value in quotation marks"),
        Case(
            file: "browsers:\n  allowedHosts: a.example",
            message: "acp.yaml:2: browsers.allowedHosts must be a list: write [\"one\", \"two\"]"),
        Case(
            file: "browsers:\n  allowedHosts: [1]",
            message: "acp.yaml:2: browsers.allowedHosts must be a list of texts: write each in quotation marks"),
        Case(
            file: "tls:\n  certificate: a",
            message: "acp.yaml:2: tls.certificate requires --tls-key (ACP_TLS_KEY, or tls.key in the file)"),
        Case(
            flags: ["--tls-client-optional"],
            message: "--tls-client-optional requires --tls-client-ca (ACP_TLS_CLIENT_CA, or tls.clientCA in the file)"),
        Case(
            flags: ["--no-a2a"], environment: ["ACP_A2A_VERSION03": "on"],
            message: "ACP_A2A_VERSION03 has no effect, since A2A is turned off by --no-a2a: remove one of them"),
        Case(
            flags: ["--no-metrics"], file: "metrics: {port: 1}",
            message:
                "acp.yaml:1: metrics.port has no effect, since metrics are turned off by --no-metrics: remove one of them"
        ),
        Case(
            flags: ["--port", "9", "--metrics-port", "9"],
            message: "--metrics-port is the port of the server (--port): use another one"),
        Case(
            flags: ["--isolation"],
            message:
                "--isolation requires principals: set --tokens (ACP_AUTHENTICATION_TOKENS_FILE, or authentication.tokensFile in the file)"
        ),
        Case(
            environment: ["ACP_SERVER_TOKEN": "t"], file: "authentication: {isolation: true}",
            message:
                "acp.yaml:1: authentication.isolation requires principals, which ACP_SERVER_TOKEN does not have: use --tokens (ACP_AUTHENTICATION_TOKENS_FILE, or authentication.tokensFile in the file) instead"
        ),
        Case(
            flags: ["--jwks", "/keys"],
            message:
                "--jwks requires --jwt-issuer (ACP_AUTHENTICATION_JWT_ISSUER, or authentication.jwt.issuer in the file)"
        ),
        Case(
            flags: ["--jwt-issuer", "i", "--jwks", "https://id.example.com/"],
            message:
                "--jwt-issuer requires --jwt-audience (ACP_AUTHENTICATION_JWT_AUDIENCE, or authentication.jwt.audience in the file)"
        ),
        Case(
            flags: ["--public", "everything"],
            message: "--public must be some of ping, healthz, readyz, agents, cards, or none"),
        Case(
            flags: ["--jwt-role", "call"],
            message:
                "--jwt-role must be a scope, an equals sign and a role (read, call or administer), such as agents.use=call"
        ),
        Case(
            environment: ["ACP_STORAGE_URL": "postgres://localhost/x"], file: "storage: {timeToLive: 1}",
            message:
                "acp.yaml:1: storage.timeToLive is not supported for PostgreSQL, which stores runs until they are deleted: see acp storage prune"
        ),
        Case(
            file: "tls:\n  certificat: a",
            message: "acp.yaml:2: tls.certificat is not a setting: the nearest one is tls.certificate"),
        Case(
            file: "token: a",
            message: "acp.yaml:1: token is not a setting: the nearest one is authentication.token"),
        Case(file: "port: {number: 1}", message: "acp.yaml:1: port.number is not a setting: port has no parts"),
        Case(
            file: "links: 5",
            message: "acp.yaml:1: links is not a setting: it has the parts links.allowPrivate, links.allowedHosts"),
        Case(
            file: "somethingElse: 5",
            message:
                "acp.yaml:1: somethingElse is not a setting: remove it, or see docs/configuration.md for all settings"),
        Case(file: "log.level: debug\nlog: {level: info}", message: "acp.yaml:2: log.level occurs twice: remove one"),
        Case(file: "agents: [a]", message: "acp.yaml:1: agents is reserved for a later version: remove it"),
        Case(file: "port: 1\nport: 2", message: "acp.yaml:1: port occurs twice in one section: remove one"),
        Case(file: "a: [", message: "acp.yaml:2:1: the file is not valid YAML: did not find expected node content"),
        Case(
            file: "- a",
            message: "acp.yaml:1: expected settings such as \"port: 8000\" at the top of the configuration file"),
    ]

    @Test("A mistake names the setting, its source and the remedy", arguments: cases)
    func message(example: Case) throws {
        #expect(try mistakes(example.flags, example.environment, file: example.file) == [example.message])
    }

    @Test("All mistakes are reported at once, in the order of the settings")
    func allAtOnce() throws {
        let found = try mistakes(
            ["--max-runs", "0"], ["ACP_RUNS_LEASE": "x"], file: "port: 70000\nunknown: 1\nlog: {level: loud}")
        #expect(found.count == 5)
        #expect(found.first == "acp.yaml:1: port must be 0 to 65535")
        let error = InvalidSettings(problems: found.map { SettingProblem($0) })
        #expect("\(error)".hasPrefix("the configuration has 5 mistakes:\n- acp.yaml:1: port must"))
    }

    @Test("A setting with a mistake has its default, and is known as faulty")
    func faultySettings() throws {
        let values = try settings(file: "port: 70000\ntls: {key: a}")
        #expect(values.isFaulty(ServeSettings.listening.port) && values.isFaulty(ServeSettings.tls.key))
        #expect(values[ServeSettings.listening.port] == 8000)
        #expect(!values.isFaulty(ServeSettings.listening.host))
    }

    static let secrets = ["pass-phrase-1", "pass-phrase-2"]

    @Test(
        "No mistake contains a secret",
        arguments: [
            (["--token", "pass-phrase-1 pass-phrase-2"], [:], nil),
            ([], ["ACP_SERVER_TOKEN": "pass-phrase-1\u{7F}"], nil),
            ([], ["ACP_STORAGE_URL": "mysql://user:pass-phrase-1@host"], nil),
            ([], [:], "authentication:\n  token: [\"pass-phrase-1\"]"),
            ([], [:], "authentication:\n  token: \"pass-phrase-1\n  port"),
            ([], [:], "authentication: {token: \"pass-phrase-1\"}}"),
            ([], [:], "authentication: {token: \"pass-phrase-1\", token: \"pass-phrase-2\"}"),
            ([], [:], "storage: {url: \"mysql://user:pass-phrase-1@host\"}"),
            ([], [:], "urls: {secrets: \"pass-phrase-1\"}"),
            ([], [:], "urls: {secrets: [\"pass-phrase-1\", 5]}"),
            ([], ["ACP_URL_SECRET": "pass-phrase-1 pass-phrase-2"], nil),
            ([], ["ACP_TOKENS": "alice nobody pass-phrase-1; bob pass-phrase-2"], nil),
        ] as [([String], [String: String], String?)])
    func secretsInMistakes(flags: [String], environment: [String: String], file: String?) throws {
        let found = try mistakes(flags, environment, file: file)
        #expect(!found.isEmpty)
        for message in found {
            #expect(!Self.secrets.contains { message.contains($0) }, "\(message)")
        }
    }
}
