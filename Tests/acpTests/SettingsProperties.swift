// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Configuration

@testable import acp

/// Reads a configuration file. A secret that is the value of a setting with secrets is neither in a mistake nor in the
/// printed configuration, and the printed configuration has the same values.
///
/// - Parameter input: The first byte chooses between YAML and JSON, the rest is the file.
func checkSettings(_ input: [UInt8]) throws {
    guard let isJSON = input.first.map({ $0 % 2 == 1 }) else { return }
    let text = Array(input[1...])
    guard let file = try settings(text, isJSON: isJSON) else { return }
    let values = SettingValues(ServeSettings.self, from: SettingSources(file: file))
    let printed = PrintedConfiguration(values).text
    let shown = values.problems.map(\.message).joined(separator: "\n") + printed

    let secrets = ServeSettings.definitions.filter { $0.secrecy != .none }.flatMap { texts(of: $0, in: file) }
        .filter(\.isSecret).map(\.text)
    // The text may also be where no secret is expected, such as in a key.
    let count = String(decoding: text, as: UTF8.self).ranges(of: PlantedSecret.text).count
    if !secrets.isEmpty, secrets.reduce(0, { $0 + $1.ranges(of: PlantedSecret.text).count }) == count {
        try demand(!shown.contains(PlantedSecret.text), "a secret is printed: \(shown)")
    }

    guard values.problems.isEmpty else { return }
    guard let again = try settings(Array(printed.utf8), isJSON: false) else {
        throw PropertyViolation("the printed configuration cannot be read: \(printed)")
    }
    let others = SettingValues(ServeSettings.self, from: SettingSources(file: again))
    for definition in ServeSettings.definitions where definition.secrecy == .none {
        let (left, right) = (content(of: definition, in: values), content(of: definition, in: others))
        try demand(left == right, "\(definition.key) is another one after it was printed")
    }
}

private func settings(_ text: [UInt8], isJSON: Bool) throws -> SettingsFile? {
    do {
        return try SettingsFile(
            data: text.span.bytes, providerName: isJSON ? "acp.json" : "acp.yaml",
            parsingOptions: .init(isJSON: isJSON))
    } catch let error as InvalidSettings {
        let message = "\(error)"
        // Only names of settings are printed.
        try demand(
            message.contains("occurs twice") || !message.contains(PlantedSecret.text), "a secret is printed: \(message)"
        )
        return nil
    }
}

private func content(of definition: some SettingDefinition, in values: SettingValues) -> ConfigContent? {
    values.value(of: definition).content
}

/// Returns the texts of a setting in a file, and whether each contains the secret where it must not be printed.
private func texts(of definition: some SettingDefinition, in file: SettingsFile) -> [(text: String, isSecret: Bool)] {
    let texts: [String] =
        switch try? file.value(forKey: AbsoluteConfigKey(definition.path), type: definition.type).value?.content {
        case .string(let text): [text]
        case .stringArray(let texts): texts
        default: []
        }
    return texts.map { text in
        guard definition.secrecy == .urlCredentials else { return (text, text.contains(PlantedSecret.text)) }
        // The text may also be in the scheme or the host.
        let password = PlantedSecret.password(of: text).map { text[$0] } ?? ""
        let count = password.ranges(of: PlantedSecret.text).count
        return (text, count > 0 && count == text.ranges(of: PlantedSecret.text).count)
    }
}
