// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Configuration
import Foundation
import Logging

/// A type of values of settings.
protocol SettingValue: Sendable, Equatable {
    /// The form of the value in a source.
    static var type: ConfigType { get }
    /// What is expected, for the sentence "must be …".
    static var expectation: String { get }
    /// What the help shows in place of the value.
    static var valueName: String { get }

    /// Converts the contents of a source. `nil` if they have another type.
    init?(_ content: ConfigContent)

    /// The value as contents of a source. `nil` if there is no value.
    var content: ConfigContent? { get }
}

extension Bool: SettingValue {
    static var type: ConfigType { .bool }
    static var expectation: String { "true or false" }
    static var valueName: String { "true|false" }

    init?(_ content: ConfigContent) {
        guard case .bool(let value) = content else { return nil }
        self = value
    }

    var content: ConfigContent? { .bool(self) }
}

extension Int: SettingValue {
    static var type: ConfigType { .int }
    static var expectation: String { "a whole number" }
    static var valueName: String { "number" }

    init?(_ content: ConfigContent) {
        guard case .int(let value) = content else { return nil }
        self = value
    }

    var content: ConfigContent? { .int(self) }
}

extension Double: SettingValue {
    static var type: ConfigType { .double }
    static var expectation: String { "a number" }
    static var valueName: String { "number" }

    init?(_ content: ConfigContent) {
        guard case .double(let value) = content, value.isFinite else { return nil }
        self = value
    }

    var content: ConfigContent? { .double(self) }
}

extension String: SettingValue {
    static var type: ConfigType { .string }
    static var expectation: String { "a text" }
    static var valueName: String { "text" }

    init?(_ content: ConfigContent) {
        guard case .string(let value) = content else { return nil }
        self = value
    }

    var content: ConfigContent? { .string(self) }
}

extension [String]: SettingValue {
    static var type: ConfigType { .stringArray }
    static var expectation: String { "a list of texts" }
    static var valueName: String { "text" }

    init?(_ content: ConfigContent) {
        guard case .stringArray(let value) = content else { return nil }
        self = value
    }

    var content: ConfigContent? { .stringArray(self) }
}

extension Optional: SettingValue where Wrapped: SettingValue {
    static var type: ConfigType { Wrapped.type }
    static var expectation: String { Wrapped.expectation }
    static var valueName: String { Wrapped.valueName }

    init?(_ content: ConfigContent) {
        guard let value = Wrapped(content) else { return nil }
        self = .some(value)
    }

    var content: ConfigContent? { flatMap(\.content) }
}

/// One of a few words.
protocol SettingChoice: SettingValue, RawRepresentable, CaseIterable where RawValue == String {}

extension SettingChoice {
    static var type: ConfigType { .string }
    static var expectation: String { "one of \(allCases.map(\.rawValue).joined(separator: ", "))" }
    static var valueName: String { allCases.map(\.rawValue).joined(separator: "|") }

    init?(_ content: ConfigContent) {
        guard case .string(let text) = content else { return nil }
        self.init(rawValue: text)
    }

    var content: ConfigContent? { .string(rawValue) }
}

extension AgentPolicy.SessionRuns: SettingChoice {}
extension Logger.Level: SettingChoice {}
extension LogFormat: SettingChoice {}

extension ConfigContent {
    /// The value of a flag or a variable as contents. `nil` if it has another type.
    ///
    /// - Parameter isSeparator: Whether a character is between the items of a list.
    init?(text: String, as type: ConfigType, isSeparator: (Character) -> Bool = { $0 == "," }) {
        switch type {
        case .bool:
            switch text.lowercased() {
            case "true", "yes", "on", "1": self = .bool(true)
            case "false", "no", "off", "0": self = .bool(false)
            default: return nil
            }
        case .int:
            guard let value = Int(text) else { return nil }
            self = .int(value)
        case .double:
            guard let value = Double(text) else { return nil }
            self = .double(value)
        case .stringArray:
            let items = text.split(whereSeparator: isSeparator).map {
                $0.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            self = .stringArray(items.filter { !$0.isEmpty })
        default: self = .string(text)
        }
    }

    /// The contents as they are written for a flag or a variable.
    var text: String {
        switch self {
        case .bool(let value): value ? "on" : "off"
        case .int(let value): "\(value)"
        case .double(let value): value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
        case .string(let value): value
        case .stringArray(let values): values.isEmpty ? "none" : values.joined(separator: ",")
        default: ""
        }
    }
}
