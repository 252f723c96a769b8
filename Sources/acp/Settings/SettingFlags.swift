// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Configuration

/// The flags of the settings of a scope, which follow from their definitions.
///
/// ArgumentParser finds the arguments of a type in its mirror, and decodes them by the labels of the mirror.
struct SettingFlags<Scope: SettingScope>: ParsableArguments, CustomReflectable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// The texts of the flags that were given, by the keys of their settings.
    private(set) var texts: [String: ConfigContent] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for definition in Scope.definitions {
            guard let flag = definition.flag else { continue }
            let key = Key(stringValue: flag)
            switch definition.type {
            case .bool:
                if let isOn = try container.decode(Flag<Bool?>.self, forKey: key).wrappedValue {
                    texts[definition.key] = .string("\(isOn)")
                }
            case .stringArray:
                let items = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
                if !items.isEmpty { texts[definition.key] = .stringArray(items) }
            default:
                if let text = try container.decode(Option<String?>.self, forKey: key).wrappedValue {
                    texts[definition.key] = .string(text)
                }
            }
        }
    }

    var customMirror: Mirror {
        let children: [Mirror.Child] = Scope.definitions.compactMap { definition in
            definition.flag.map { (label: $0, value: definition.argument(named: $0)) }
        }
        return Mirror(self, children: children)
    }
}

extension SettingDefinition {
    fileprivate func argument(named flag: String) -> Any {
        let name = NameSpecification.customLong(flag)
        let repeatable = type == .stringArray ? " Repeatable." : ""
        let help = ArgumentHelp("\(help)\(repeatable) (default: \(documentedDefault))", valueName: valueName)
        return switch type {
        case .bool: Flag<Bool?>(name: name, inversion: .prefixedNo, help: help)
        case .stringArray: Option<[String]>(wrappedValue: [], name: name, help: help)
        default: Option<String?>(name: name, help: help)
        }
    }
}
