// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ArgumentParser
import Configuration
import Foundation
import Testing

@testable import acp

@Suite("Settings")
struct SettingTests {
    @Test("Each setting has names of its own, and a sample in these tests")
    func names() {
        let definitions = ServeSettings.definitions
        #expect(Set(definitions.map(\.key)).count == definitions.count)
        #expect(Set(definitions.map(\.variable)).count == definitions.count)
        #expect(Set(definitions.compactMap(\.flag)).count == definitions.compactMap(\.flag).count)
        #expect(definitions.map(\.key) == Sample.all.map(\.key))
        for definition in definitions {
            #expect(definition.variable.hasPrefix("ACP_"))
            #expect(definition.help.hasSuffix("."), "\(definition.key)")
        }
        // Secrets are not read from the command line, except for the token, for historical reasons.
        #expect(definitions.filter { $0.flag == nil }.map(\.key) == ["authentication.tokens", "urls.secrets"])
    }

    @Test(
        "A variable follows from the key",
        arguments: [
            ("limits.requestsPerSecond", "ACP_LIMITS_REQUESTS_PER_SECOND"), ("tls.clientCA", "ACP_TLS_CLIENT_CA"),
            ("a2a.version03", "ACP_A2A_VERSION03"), ("port", "ACP_PORT"),
            ("authentication.token", "ACP_SERVER_TOKEN"), ("urls.secrets", "ACP_URL_SECRET"),
        ])
    func variables(key: String, variable: String) {
        #expect(ServeSettings.definitions.first { $0.key == key }?.variable == variable)
    }

    @Test("Each setting can be set by a flag, a variable and a file, with the same result", arguments: Sample.all)
    func allSources(sample: Sample) throws {
        let definition = try sample.definition
        let byFile = try settings(file: sample.file)
        let byVariable = try settings([], [definition.variable: sample.text])
        let expected = byFile.content(of: definition)
        let defaultContent = try settings().content(of: definition)
        #expect(expected != nil && expected != defaultContent, "\(sample.key)")
        #expect(byFile.isSet(definition) && byVariable.isSet(definition))
        #expect(byVariable.content(of: definition) == expected)
        #expect(byVariable.source(of: definition) == .variable)
        guard definition.flag != nil else { return }
        let byFlag = try settings(try sample.flags)
        #expect(byFlag.content(of: definition) == expected)
        #expect(byFlag.source(of: definition) == .flag)
    }

    @Test("A flag takes precedence over a variable, and a variable over the file", arguments: Sample.all)
    func precedence(sample: Sample) throws {
        let definition = try sample.definition
        let variable = [definition.variable: sample.text]
        let all = try settings(try sample.flags, variable, file: sample.file)
        #expect(all.source(of: definition) == (definition.flag == nil ? .variable : .flag))
        #expect(try settings([], variable, file: sample.file).source(of: definition) == .variable)
        guard case .file("acp.yaml", let line) = try settings(file: sample.file).source(of: definition) else {
            Issue.record("\(sample.key) is not from the file")
            return
        }
        #expect(line == sample.key.split(separator: ".").count)
        #expect(try settings().source(of: definition) == .builtIn)
    }

    @Test("A value of lower precedence does not matter, whatever it is")
    func shadowedValues() throws {
        let values = try settings(["--port", "1"], ["ACP_PORT": "none"], file: "port: [2]")
        #expect(values.problems.isEmpty)
        #expect(values[ServeSettings.listening.port] == 1)
    }

    @Test("What a variable turns on, a flag turns off, and the other way round")
    func inversion() throws {
        let metrics = ServeSettings.metrics.isEnabled
        #expect(try settings(["--no-metrics"], ["ACP_METRICS_ENABLED": "yes"])[metrics] == false)
        #expect(try settings(["--a2a"], ["ACP_A2A_ENABLED": "off"])[ServeSettings.a2a.isEnabled])
        #expect(try settings(["--no-metrics"]).name(of: metrics) == "--no-metrics")
    }

    @Test("White space around variables is ignored, and an empty variable is one that is not set")
    func whiteSpace() throws {
        let values = try settings([], ["ACP_PORT": " 90\n", "ACP_HOST": "", "ACP_BROWSERS_ALLOWED_HOSTS": "a, b ,"])
        #expect(values.problems.isEmpty)
        #expect(values[ServeSettings.listening.port] == 90)
        #expect(values.source(of: ServeSettings.listening.host) == .builtIn)
        #expect(values[ServeSettings.browsers.allowedHosts] == ["a", "b"])
    }

    @Test("An empty variable of a secret is a mistake", arguments: ["ACP_SERVER_TOKEN", "ACP_URL_SECRET"])
    func emptySecrets(variable: String) throws {
        #expect(
            try mistakes([], [variable: " \n"]) == ["\(variable) is set, but empty: set it to the secret, or unset it"])
    }

    @Test("The defaults are those of a server without options")
    func defaults() throws {
        #expect(try SettingFlags<ServeSettings>.parse([]).texts.isEmpty)
        let values = try settings()
        #expect(values.problems.isEmpty)
        let configuration = try ServeSettings.configuration(values)
        #expect(configuration.host == "127.0.0.1" && configuration.port == 8000)
        #expect(configuration.authentication == nil && configuration.tls == nil)
        #expect(configuration.engine.maximumActiveRuns == 1_000)
        try configuration.validate()
    }
}
