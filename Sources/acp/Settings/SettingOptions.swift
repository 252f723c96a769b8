// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// The settings of a command: its flags, variables, and a configuration file.
struct SettingOptions<Scope: SettingScope>: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A configuration file in YAML or JSON. Variables take precedence over it, and flags over both. (default: \
            $\(configurationVariable), or none)
            """,
            valueName: "file"))
    var config: String?

    @OptionGroup var flags: SettingFlags<Scope>

    /// The path of the configuration file: that of the option, or of the variable.
    func path(in environment: [String: String]) -> String? {
        let variable = environment[configurationVariable]?.trimmingCharacters(in: .whitespacesAndNewlines)
        return config ?? (variable?.isEmpty == false ? variable : nil)
    }

    /// Returns the values of all sources, with all mistakes.
    ///
    /// - Throws: ``InvalidSettings`` if the file cannot be read.
    func read(environment: [String: String] = ProcessInfo.processInfo.environment) throws(InvalidSettings)
        -> SettingValues
    {
        var sources = SettingSources(flags: flags.texts, environment: environment)
        if let path = path(in: environment) { sources.file = try SettingsFile(path: path) }
        return SettingValues(Scope.self, from: sources)
    }

    /// Returns the values of all sources. Prints all mistakes if there are any.
    ///
    /// - Throws: `ExitCode` for an invalid command line.
    func values() throws -> SettingValues {
        do {
            let values = try read()
            try values.validate()
            return values
        } catch {
            Console.error("\(error)".printable)
            throw ExitCode.validationFailure
        }
    }
}

/// The variable that names the configuration file.
let configurationVariable = "ACP_CONFIG"
