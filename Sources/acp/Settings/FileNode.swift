// SPDX-License-Identifier: Apache-2.0

import Configuration
import Yams

/// A value of a configuration file, with the line at which it is.
struct FileNode: Sendable {
    enum Value: Sendable {
        case null
        case bool(Bool)
        case int(Int)
        case double(Double)
        case text(String)
        case list([FileNode])
        case group([(key: String, node: FileNode)])
    }

    let value: Value
    /// The line, which starts at 1.
    let line: Int

    init(_ node: Yams.Node) {
        line = node.mark?.line ?? 0
        switch node {
        case .mapping(let mapping):
            // The line of a member is that of its key.
            value = .group(
                mapping.map { key, value in
                    (key.scalar?.string ?? "", FileNode(FileNode(value).value, line: key.mark?.line ?? 0))
                })
        case .sequence(let sequence): value = .list(sequence.map { FileNode($0) })
        case .scalar(let scalar): value = Self.value(of: scalar, Tag.Name(rawValue: node.tag.rawValue))
        case .alias: value = .null
        }
    }

    private init(_ value: Value, line: Int) {
        self.value = value
        self.line = line
    }

    private static func value(of scalar: Yams.Node.Scalar, _ tag: Tag.Name) -> Value {
        switch tag {
        case .null: .null
        case .bool: Bool.construct(from: scalar).map { .bool($0) } ?? .text(scalar.string)
        case .int: Int.construct(from: scalar).map { .int($0) } ?? .text(scalar.string)
        case .float: Double.construct(from: scalar).map { .double($0) } ?? .text(scalar.string)
        default: .text(scalar.string)
        }
    }

    var isNull: Bool {
        if case .null = value { true } else { false }
    }

    /// Whether there is no value, or a section without members.
    var isEmpty: Bool {
        if case .group(let members) = value { members.isEmpty } else { isNull }
    }

    /// Returns the value as one of a type.
    ///
    /// - Throws: ``SettingFault`` with the remedy if it has another type. It does not contain the value, which may be
    ///   secret.
    func content(as type: ConfigType) throws(SettingFault) -> ConfigContent {
        switch (type, value) {
        case (.bool, .bool(let value)): return .bool(value)
        case (.int, .int(let value)): return .int(value)
        case (.double, .double(let value)): return .double(value)
        case (.double, .int(let value)): return .double(Double(value))
        case (.string, .text(let text)): return .string(text)
        case (.string, .bool), (.string, .int), (.string, .double):
            throw SettingFault(predicate: "must be a text: write the value in quotation marks")
        case (.stringArray, .list(let nodes)):
            var texts: [String] = []
            for node in nodes {
                guard case .text(let text) = node.value else {
                    throw SettingFault(predicate: "must be a list of texts: write each in quotation marks")
                }
                texts.append(text)
            }
            return .stringArray(texts)
        case (.stringArray, _): throw SettingFault(predicate: "must be a list: write [\"one\", \"two\"]")
        case (.int, .text), (.double, .text), (.bool, .text):
            throw SettingFault(predicate: "must be \(Self.name(of: type)), without quotation marks")
        default: throw SettingFault(predicate: "must be \(Self.name(of: type))")
        }
    }

    private static func name(of type: ConfigType) -> String {
        switch type {
        case .bool: Bool.expectation
        case .int: Int.expectation
        case .double: Double.expectation
        default: String.expectation
        }
    }
}
