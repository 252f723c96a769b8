// SPDX-License-Identifier: Apache-2.0

import Configuration

/// A setting of `acp serve`: its names, its meaning, and the values that it accepts.
///
/// It is the only place that describes a setting. Flags and their help, environment variables, keys of files, the output
/// of `--print-config` and the table of the documentation follow from it. The variable follows from the key: that of
/// `limits.requestsPerSecond` is `ACP_LIMITS_REQUESTS_PER_SECOND`.
struct Setting<Value: SettingValue>: SettingDefinition {
    let key: String
    let flag: String?
    let variable: String
    let valueName: String
    let help: String
    let defaultNote: String?
    let secrecy: SettingSecrecy
    let defaultValue: Value
    private let fault: @Sendable (Value) -> String?

    /// Creates a setting with a default.
    ///
    /// - Parameters:
    ///   - key: The key in a file, with a dot between its levels.
    ///   - flag: The name of the flag without hyphens. If `nil`, the setting has no flag, because other users of the
    ///     machine can see command lines.
    ///   - variable: The environment variable. If `nil`, it follows from the key.
    ///   - valueName: What the help shows in place of the value.
    ///   - defaultValue: The value if no source has one.
    ///   - defaultNote: What the documentation shows instead of the default.
    ///   - secrecy: Which part of the value is never printed.
    ///   - help: What the setting does, in sentences.
    ///   - fault: Returns why a value is not valid, as the predicate of a sentence such as "must be 0 to 65535", or `nil`.
    init(
        _ key: String, flag: String?, variable: String? = nil, valueName: String? = nil, default defaultValue: Value,
        defaultNote: String? = nil, secrecy: SettingSecrecy = .none, help: String,
        fault: @escaping @Sendable (Value) -> String? = { _ in nil }
    ) {
        self.key = key
        self.flag = flag
        self.variable = variable ?? Self.variable(of: key)
        self.valueName = valueName ?? Value.valueName
        self.help = help
        self.defaultNote = defaultNote
        self.secrecy = secrecy
        self.defaultValue = defaultValue
        self.fault = fault
    }

    /// Creates a setting without a default.
    ///
    /// - Parameter otherwise: What applies if no source has a value, for the documentation.
    init<Wrapped>(
        _ key: String, flag: String?, variable: String? = nil, valueName: String? = nil, otherwise: String,
        secrecy: SettingSecrecy = .none, help: String, fault: @escaping @Sendable (Wrapped) -> String? = { _ in nil }
    ) where Value == Wrapped? {
        self.init(
            key, flag: flag, variable: variable, valueName: valueName, default: nil, defaultNote: otherwise,
            secrecy: secrecy, help: help
        ) { $0.flatMap(fault) }
    }

    /// Converts the contents of a source into a value.
    ///
    /// - Throws: ``SettingFault``.
    func value(_ content: ConfigContent) throws(SettingFault) -> Value {
        guard let value = Value(content) else { throw SettingFault(predicate: "must be \(Value.expectation)") }
        if let fault = fault(value) { throw SettingFault(predicate: fault) }
        return value
    }

    private static func variable(of key: String) -> String {
        var name = "ACP_"
        var isAfterLowercase = false
        for character in key {
            if character.isUppercase, isAfterLowercase { name += "_" }
            name += character == "." ? "_" : character.uppercased()
            isAfterLowercase = character.isLowercase
        }
        return name
    }
}

/// The part of a ``Setting`` that does not depend on the type of its value.
protocol SettingDefinition<Value>: Sendable {
    associatedtype Value: SettingValue

    /// The key in a file, with a dot between its levels.
    var key: String { get }
    /// The name of the flag without hyphens.
    var flag: String? { get }
    /// The environment variable.
    var variable: String { get }
    /// What the help shows in place of the value.
    var valueName: String { get }
    /// What the setting does.
    var help: String { get }
    /// What the documentation shows instead of the default.
    var defaultNote: String? { get }
    /// Which part of the value is never printed.
    var secrecy: SettingSecrecy { get }
    /// The value if no source has one.
    var defaultValue: Value { get }

    func value(_ content: ConfigContent) throws(SettingFault) -> Value
}

extension SettingDefinition {
    var type: ConfigType { Value.type }
    var expectation: String { Value.expectation }

    /// The components of the key.
    var path: [String] { key.split(separator: ".").map(String.init) }

    /// All names, for messages about a setting that no source has set.
    var names: String {
        let others = "\(variable), or \(key) in the file"
        return flag.map { "--\($0) (\(others))" } ?? others
    }

    /// The default as it is documented.
    var documentedDefault: String { defaultNote ?? defaultValue.content?.text ?? "none" }
}

/// Which part of a value is never printed.
enum SettingSecrecy: Sendable {
    case none
    /// The password and the parameters of a URL.
    case urlCredentials
    /// The whole value.
    case all
}

/// Why a value is not valid.
struct SettingFault: Error {
    /// The predicate of a sentence whose subject is the name of the setting.
    let predicate: String
}

/// Settings of one subject, and the rules between them.
protocol SettingGroup: Sendable {
    /// Returns what is wrong with valid values of several settings.
    func problems(in values: SettingValues) -> [SettingProblem]
}

extension SettingGroup {
    func problems(in values: SettingValues) -> [SettingProblem] { [] }

    /// The settings, which are the properties of the group.
    var definitions: [any SettingDefinition] {
        Mirror(reflecting: self).children.compactMap { $0.value as? any SettingDefinition }
    }
}

/// The settings of a command.
protocol SettingScope: Sendable {
    static var groups: [any SettingGroup] { get }
    /// All settings of the groups. Each access examines the groups unless the scope stores them.
    static var definitions: [any SettingDefinition] { get }
}

extension SettingScope {
    static var definitions: [any SettingDefinition] { groups.flatMap(\.definitions) }
}
