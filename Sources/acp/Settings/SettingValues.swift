// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation

/// The places that can have values of settings. A flag takes precedence over a variable, and a variable over the file.
struct SettingSources: Sendable {
    /// The texts of flags, by the keys of settings.
    var flags: [String: ConfigContent] = [:]
    var environment: [String: String] = [:]
    var file: SettingsFile?
}

/// The values of settings: those of the source with the highest precedence, or defaults.
struct SettingValues: Sendable {
    private struct Found {
        let value: any Sendable
        let source: SettingSource
    }

    private var found: [String: Found] = [:]
    /// What is wrong, in the order of the settings.
    private(set) var problems: [SettingProblem] = []

    /// Reads and checks all settings of a scope.
    init<Scope: SettingScope>(_ scope: Scope.Type, from sources: SettingSources) {
        let layers = Self.layers(of: scope.definitions, in: sources)
        for definition in scope.definitions { read(definition, from: layers) }
        // The file is for the whole server, also where a command uses a part of it.
        if let file = sources.file { problems += file.unknownKeys(besides: ServeSettings.definitions) }
        for group in scope.groups { problems += group.problems(in: self) }
    }

    /// The value of a setting: its default if no source has a valid one.
    subscript<Value>(setting: Setting<Value>) -> Value { found[setting.key]?.value as? Value ?? setting.defaultValue }

    /// The value of a setting whose type is not known.
    func value<Value>(of definition: some SettingDefinition<Value>) -> Value {
        found[definition.key]?.value as? Value ?? definition.defaultValue
    }

    func source(of definition: some SettingDefinition) -> SettingSource { found[definition.key]?.source ?? .builtIn }

    /// The name of a setting in its source, for messages.
    func name(of definition: some SettingDefinition) -> String {
        let source = source(of: definition)
        if source == .flag, found[definition.key]?.value as? Bool == false { return "--no-\(definition.flag ?? "")" }
        return definition.name(in: source)
    }

    /// Whether a source has a valid value other than an empty list.
    func isSet(_ definition: some SettingDefinition) -> Bool {
        found[definition.key] != nil && value(of: definition).content != .stringArray([])
    }

    /// Whether a source has a value that is not valid.
    func isFaulty(_ definition: some SettingDefinition) -> Bool {
        problems.contains { $0.keys.contains(definition.key) }
    }

    /// - Throws: ``InvalidSettings``.
    func validate() throws(InvalidSettings) {
        if !problems.isEmpty { throw InvalidSettings(problems: problems) }
    }

    // MARK: Reading

    /// A source that is read through the interface of swift-configuration.
    private struct Layer {
        let snapshot: any ConfigSnapshot
        let source: @Sendable (any SettingDefinition) -> SettingSource
        let key: @Sendable (any SettingDefinition) -> AbsoluteConfigKey
        /// The type in which the source has a value.
        let type: @Sendable (any SettingDefinition) -> ConfigType
    }

    private static func layers(of definitions: [any SettingDefinition], in sources: SettingSources) -> [Layer] {
        let secrets = Set(definitions.filter { $0.secrecy != .none }.flatMap { [$0.key, $0.variable] })
        let flags = sources.flags.map { key, content in
            (AbsoluteConfigKey([key]), ConfigValue(content, isSecret: secrets.contains(key)))
        }
        // Values that come from files end with a line break. A variable without a value is like one that is not set,
        // except for a secret, since then a file or a secret store did not provide it.
        let variables = definitions.compactMap { definition -> (String, String)? in
            guard let value = sources.environment[definition.variable] else { return nil }
            let text = value.trimmingCharacters(in: .whitespacesAndNewlines)
            return text.isEmpty && definition.secrecy != .all ? nil : (definition.variable, text)
        }
        var layers = [
            Layer(
                snapshot: InMemoryProvider(
                    name: "flags", values: Dictionary(flags, uniquingKeysWith: { first, _ in first })
                ).snapshot(),
                source: { _ in .flag }, key: { AbsoluteConfigKey([$0.key]) },
                type: { $0.type == .stringArray ? .stringArray : .string }),
            Layer(
                snapshot: EnvironmentVariablesProvider(
                    environmentVariables: Dictionary(variables, uniquingKeysWith: { first, _ in first }),
                    secretsSpecifier: .specific(secrets)
                ).snapshot(),
                source: { _ in .variable }, key: { AbsoluteConfigKey([$0.variable]) }, type: { _ in .string }),
        ]
        if let file = sources.file {
            layers.append(
                Layer(
                    snapshot: file, source: { .file(path: file.path, line: file.line(of: $0.key)) },
                    key: { AbsoluteConfigKey($0.path) }, type: { $0.type }))
        }
        return layers
    }

    private mutating func read<Value>(_ definition: some SettingDefinition<Value>, from layers: [Layer]) {
        for layer in layers {
            let source = layer.source(definition)
            do {
                let result = try layer.snapshot.value(forKey: layer.key(definition), type: layer.type(definition))
                guard let content = result.value?.content else { continue }
                let value = try Self.value(of: definition, content, in: source)
                found[definition.key] = Found(value: value, source: source)
            } catch {
                let predicate = (error as? SettingFault)?.predicate ?? "must be \(definition.expectation)"
                problems.append(SettingProblem([definition.key], "\(definition.name(in: source)) \(predicate)"))
            }
            return
        }
    }

    private static func value<Value>(
        of definition: some SettingDefinition<Value>, _ content: ConfigContent, in source: SettingSource
    ) throws(SettingFault) -> Value {
        guard case .string(let text) = content else { return try definition.value(content) }
        if source == .variable, text.isEmpty { throw .emptySecret }
        if definition.type == .string { return try definition.value(content) }
        let separators: (Character) -> Bool = definition.secrecy == .all ? { $0.isWhitespace } : { $0 == "," }
        guard let typed = ConfigContent(text: text, as: definition.type, isSeparator: separators) else {
            let shown = definition.secrecy == .none ? ", not \"\(text.summary(40))\"" : ""
            throw SettingFault(predicate: "must be \(definition.expectation)\(shown)")
        }
        return try definition.value(typed)
    }
}

extension SettingFault {
    fileprivate static var emptySecret: SettingFault {
        SettingFault(predicate: "is set, but empty: set it to the secret, or unset it")
    }
}
