// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Checks that settings are valid, that no variable is misspelled, and that no secret is readable for others.
struct ConfigurationCheck {
    /// Variables of other commands of the tool.
    private static let otherVariables: Set<String> = [
        configurationVariable, "ACP_URL", "ACP_TOKEN", "ACP_CA_FILE", "ACP_CLIENT_CERTIFICATE", "ACP_CLIENT_KEY",
    ]

    let results: [CheckResult]

    /// - Parameter file: The path of the configuration file.
    init(_ values: SettingValues, environment: [String: String], file: String?) {
        var results = values.problems.map { CheckResult.failed("configuration", $0.message) }
        if results.isEmpty {
            let definitions = ServeSettings.definitions
            let count = { (isIncluded: (SettingSource) -> Bool) in
                definitions.count { isIncluded(values.source(of: $0)) }
            }
            let flags = count { $0 == .flag }
            let variables = count { $0 == .variable }
            let fromFile = definitions.count - flags - variables - count { $0 == .builtIn }
            let place = file.map { ", \(fromFile) of \($0)" } ?? ""
            results.append(
                .ok(
                    "configuration",
                    "\(definitions.count) settings: \(flags) of flags, \(variables) of variables\(place)"))
        }
        let known = Self.otherVariables.union(ServeSettings.definitions.map(\.variable))
        for name in environment.keys.sorted() where name.hasPrefix("ACP_") && !known.contains(name) {
            results.append(
                .warning(
                    "environment", "\(name) is not the variable of a setting: see acp serve --print-config for all"))
        }
        if let file, let problem = Self.permissions(of: file, values) { results.append(.warning("file", problem)) }
        let secretFiles = [
            ServeSettings.tls.key, ServeSettings.urls.signingFile, ServeSettings.authentication.tokensFile,
        ]
        for setting in secretFiles {
            guard let path = values[setting], let mode = Self.mode(of: path), mode & 0o004 != 0 else { continue }
            results.append(
                .warning("file", "\(values.name(of: setting)): all users can read \(path): chmod 600 \(path)"))
        }
        self.results = results
    }

    /// Returns what is wrong with the permissions of a configuration file with secrets.
    private static func permissions(of path: String, _ values: SettingValues) -> String? {
        let hasSecrets = ServeSettings.definitions.contains { definition in
            if case .file = values.source(of: definition) { return values.hasSecret(definition) }
            return false
        }
        guard hasSecrets, let mode = mode(of: path), mode & 0o004 != 0 else { return nil }
        return "\(path) contains secrets, and all users can read it: chmod 600 \(path)"
    }

    /// Returns the permissions of a file, which a symbolic link may name.
    private static func mode(of path: String) -> Int? {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let attributes = try? FileManager.default.attributesOfItem(atPath: target)
        return (attributes?[.posixPermissions] as? NSNumber)?.intValue
    }
}

extension SettingValues {
    /// Whether the value of a setting contains a secret.
    fileprivate func hasSecret(_ definition: some SettingDefinition) -> Bool {
        value(of: definition).content.flatMap { definition.redacted($0) } != nil
    }
}
