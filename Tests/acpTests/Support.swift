// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Configuration
import Foundation
import Testing

@testable import acp

/// A configuration file in memory.
func settingsFile(_ text: String, name: String = "acp.yaml") throws -> SettingsFile {
    try SettingsFile(
        data: Array(text.utf8).span.bytes, providerName: name,
        parsingOptions: SettingsFile.ParsingOptions(isJSON: name.hasSuffix(".json")))
}

/// Returns the settings of flags, variables and a file.
func settings(
    _ flags: [String] = [], _ environment: [String: String] = [:], file: String? = nil, name: String = "acp.yaml"
) throws -> SettingValues {
    // ArgumentParser checks the definitions of all flags each time, which takes longer than everything else.
    let texts = flags.isEmpty ? [:] : try SettingFlags<ServeSettings>.parse(flags).texts
    let sources = SettingSources(
        flags: texts, environment: environment, file: try file.map { try settingsFile($0, name: name) })
    return SettingValues(ServeSettings.self, from: sources)
}

/// Returns the messages of all mistakes.
func mistakes(
    _ flags: [String] = [], _ environment: [String: String] = [:], file: String? = nil, name: String = "acp.yaml"
) throws -> [String] {
    do {
        return try settings(flags, environment, file: file, name: name).problems.map(\.message)
    } catch let error as InvalidSettings {
        return error.problems.map(\.message)
    }
}

extension SettingValues {
    /// The value of a setting whose type is not known.
    func content(of definition: some SettingDefinition) -> ConfigContent? { value(of: definition).content }
}

/// A valid value of each setting that is not its default, in the forms of all sources.
struct Sample {
    let key: String
    /// The value as a text, of a flag or a variable. The items of a list are separated by commas.
    let text: String
    /// The value in YAML.
    let yaml: String
    /// What else is required, as YAML.
    var context = ""

    /// - Parameter yaml: If `nil`, the text in quotation marks.
    init(_ key: String, _ text: String, yaml: String? = nil, context: String = "") {
        self.key = key
        self.text = text
        self.yaml = yaml ?? "\"\(text)\""
        self.context = context
    }

    /// A file with a token.
    static let tokens: String = {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("acp-tests-\(UUID().uuidString)").path
        _ = FileManager.default.createFile(atPath: path, contents: Data("alice call 0123456789abcdef\n".utf8))
        return path
    }()

    private static let jwt =
        "authentication: {jwt: {issuer: \"a\", audience: [\"b\"], keys: \"https://id.example.com/keys\"}}"

    static let all = [
        Sample("host", "0.0.0.0"),
        Sample("port", "9000", yaml: "9000"),
        Sample("storage.url", "redis://example.com:7000/1"),
        Sample("storage.prefix", "mine:"),
        Sample("storage.timeToLive", "60", yaml: "60"),
        Sample("runs.maximumActive", "5", yaml: "5"),
        Sample("runs.maximumWaiting", "0", yaml: "0"),
        Sample("runs.sessionRuns", "queue"),
        Sample("runs.lease", "2.5", yaml: "2.5"),
        Sample("runs.grace", "60", yaml: "60"),
        Sample("runs.leaveMemoryAfter", "0.5", yaml: "0.5"),
        Sample("runs.inlineLimit", "256", yaml: "256"),
        Sample("runs.reportErrorDescriptions", "true", yaml: "true"),
        Sample("limits.bodyBytes", "1000", yaml: "1000"),
        Sample("limits.connections", "10", yaml: "10"),
        Sample("limits.requestsPerSecond", "0.5", yaml: "0.5"),
        Sample("limits.requestBurst", "7", yaml: "7"),
        Sample("limits.streams", "3", yaml: "3"),
        Sample("limits.streamBytes", "4096", yaml: "4096"),
        Sample("authentication.token", "s3cret-token"),
        Sample("authentication.tokensFile", tokens),
        Sample("authentication.tokens", "bob read 0123456789abcdef"),
        Sample(
            "authentication.clientCertificates", "true", yaml: "true",
            context: "tls: {certificate: \"/a\", key: \"/b\", clientCA: \"/d\"}"),
        Sample(
            "authentication.isolation", "true", yaml: "true", context: "authentication: {tokensFile: \"\(tokens)\"}"),
        Sample("authentication.publicRoutes", "ping,agents", yaml: "[\"ping\", \"agents\"]"),
        Sample("authentication.jwt.issuer", "https://id.example.com", context: jwt),
        Sample("authentication.jwt.audience", "agents", yaml: "[\"agents\"]", context: jwt),
        Sample("authentication.jwt.keys", "https://id.example.com/keys", context: jwt),
        Sample("authentication.jwt.roles", "a=b=call,*=read", yaml: "[\"a=b=call\", \"*=read\"]", context: jwt),
        Sample("tls.certificate", "/c.pem", context: "tls: {key: \"/b\"}"),
        Sample("tls.key", "/k.pem", context: "tls: {certificate: \"/a\"}"),
        Sample("tls.clientCA", "/ca.pem", context: "tls: {certificate: \"/a\", key: \"/b\"}"),
        Sample(
            "tls.clientOptional", "true", yaml: "true",
            context: "tls: {certificate: \"/a\", key: \"/b\", clientCA: \"/d\"}"),
        Sample("tls.http2", "false", yaml: "false", context: "tls: {certificate: \"/a\", key: \"/b\"}"),
        Sample("urls.public", "https://agents.example.com/acp"),
        Sample("urls.trustedProxies", "10.0.0.0/8,::1", yaml: "[\"10.0.0.0/8\", \"::1\"]"),
        Sample("urls.signingFile", "Package.swift"),
        Sample("urls.secrets", "a-secret-of-sufficient-length", yaml: "[\"a-secret-of-sufficient-length\"]"),
        Sample("urls.signedLifetime", "60", yaml: "60"),
        Sample(
            "browsers.allowedOrigins", "https://a.example,http://localhost:5173",
            yaml: "[\"https://a.example\", \"http://localhost:5173\"]"),
        Sample("browsers.allowedHosts", "a.example,b.example", yaml: "[\"a.example\", \"b.example\"]"),
        Sample("links.allowedHosts", "agents.internal:8000", yaml: "[\"agents.internal:8000\"]"),
        Sample("links.allowPrivate", "true", yaml: "true"),
        Sample("a2a.enabled", "false", yaml: "false"),
        Sample("a2a.defaultAgent", "echo"),
        Sample("a2a.version03", "true", yaml: "true"), Sample("playground.enabled", "true", yaml: "true"),
        Sample("metrics.enabled", "true", yaml: "true"),
        Sample("metrics.port", "9464", yaml: "9464"),
        Sample("log.level", "debug"),
        Sample("log.format", "json"),
        Sample("log.requests", "true", yaml: "true"),
    ]

    var definition: any SettingDefinition {
        get throws { try #require(ServeSettings.definitions.first { $0.key == key }) }
    }

    /// The words of the command line. Empty if the setting has no flag.
    var flags: [String] {
        get throws {
            let definition = try definition
            guard let flag = definition.flag else { return [] }
            return switch definition.type {
            case .bool: [text == "true" ? "--\(flag)" : "--no-\(flag)"]
            case .stringArray: text.split(separator: ",").flatMap { ["--\(flag)", String($0)] }
            default: ["--\(flag)", text]
            }
        }
    }

    /// The lines of a file with this setting alone.
    var file: String {
        let path = key.split(separator: ".")
        let indented = path.enumerated().map { depth, name in String(repeating: "  ", count: depth) + "\(name):" }
        return indented.joined(separator: "\n") + " \(yaml)\n"
    }
}
