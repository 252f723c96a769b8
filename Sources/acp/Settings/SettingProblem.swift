// SPDX-License-Identifier: Apache-2.0

/// Where the value of a setting comes from.
enum SettingSource: Sendable, Equatable {
    case flag
    case variable
    case file(path: String, line: Int)
    case builtIn
}

extension SettingDefinition {
    /// The name of the setting in a source, as its user has written it.
    func name(in source: SettingSource) -> String {
        switch source {
        case .flag: flag.map { "--\($0)" } ?? key
        case .variable: variable
        case .file(let path, let line): "\(path):\(line): \(key)"
        case .builtIn: names
        }
    }
}

/// A mistake in a configuration: what is wrong, in which source, and the remedy.
struct SettingProblem: Sendable, Equatable {
    /// The keys of the settings that cannot be used. Empty if the mistake is not one of a setting.
    let keys: [String]
    /// A sentence without its full stop.
    let message: String

    init(_ keys: [String] = [], _ message: String) {
        self.keys = keys
        self.message = message
    }
}

/// All mistakes in a configuration.
struct InvalidSettings: Error, CustomStringConvertible {
    let problems: [SettingProblem]

    var description: String {
        guard problems.count != 1 else { return "\(problems[0].message)." }
        return "the configuration has \(problems.count) mistakes:\n"
            + problems.map { "- \($0.message)." }.joined(separator: "\n")
    }
}
