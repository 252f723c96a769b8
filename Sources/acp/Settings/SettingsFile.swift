// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Yams

/// The contents of a configuration file in YAML or JSON.
///
/// It is a snapshot of swift-configuration. In contrast to the library's own ones it knows its keys and their lines, and
/// converts no types: the text "8000" is not a number.
struct SettingsFile: FileConfigSnapshot {
    /// How a file is read.
    struct ParsingOptions: FileParsingOptions {
        static var `default`: ParsingOptions { ParsingOptions() }

        /// Whether the file is JSON, most of which is YAML as well.
        var isJSON = false
    }

    /// Sections that contain no settings.
    static let otherSections: Set<String> = ["agents"]

    /// The path with which the file was named.
    let path: String
    /// The values of settings by their keys.
    private var leaves: [String: FileNode] = [:]
    /// ``otherSections`` of the file.
    private(set) var sections: [String: FileNode] = [:]
    /// Keys that occur with and without dots.
    private var repeated: [(key: String, line: Int)] = []

    var providerName: String { path }
    var description: String { "\(path)[\(leaves.count) values]" }
    /// Without values, which may be secret.
    var debugDescription: String { description }

    /// Reads a file.
    ///
    /// - Throws: ``SettingProblem`` in ``InvalidSettings``: the file cannot be read, or is not valid YAML or JSON.
    init(path: String) throws(InvalidSettings) {
        guard let data = contents(ofFile: path) else {
            throw InvalidSettings("\(path): the configuration file does not exist, or cannot be read")
        }
        let options = ParsingOptions(isJSON: path.lowercased().hasSuffix(".json"))
        do {
            try self.init(data: Array(data).span.bytes, providerName: path, parsingOptions: options)
        } catch {
            throw error as? InvalidSettings ?? InvalidSettings("\(path): the configuration file is not valid")
        }
    }

    init(data: RawSpan, providerName: String, parsingOptions: ParsingOptions) throws {
        path = providerName
        guard let text = String(validating: data.withUnsafeBytes { Array($0) }, as: UTF8.self) else {
            throw InvalidSettings("\(path): the configuration file is not UTF-8 text")
        }
        let root: FileNode?
        do {
            let yaml = parsingOptions.isJSON ? text.joiningSurrogates : text
            root = try Parser(yaml: yaml).singleRoot().map { FileNode($0) }
        } catch {
            let format = parsingOptions.isJSON ? "JSON" : "YAML"
            throw InvalidSettings((error as? YamlError)?.place(in: path, format) ?? "\(path) is not valid \(format)")
        }
        guard let root, !root.isEmpty else { return }
        guard case .group(let members) = root.value else {
            throw InvalidSettings(
                "\(path):\(root.line): expected settings such as \"port: 8000\" at the top of the configuration file")
        }
        for member in members {
            if Self.otherSections.contains(member.key) {
                sections[member.key] = member.node
            } else {
                add(member.node, at: member.key)
            }
        }
    }

    private mutating func add(_ node: FileNode, at key: String) {
        if case .group(let members) = node.value, !members.isEmpty {
            for member in members { add(member.node, at: "\(key).\(member.key)") }
        } else if leaves.updateValue(node, forKey: key) != nil {
            repeated.append((key, node.line))
        }
    }

    /// The line of a key. 0 if the file does not contain it.
    func line(of key: String) -> Int { leaves[key]?.line ?? 0 }

    func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        let key = key.components.joined(separator: ".")
        guard let node = leaves[key], !node.isNull else { return LookupResult(encodedKey: key, value: nil) }
        return LookupResult(encodedKey: key, value: ConfigValue(try node.content(as: type), isSecret: false))
    }

    // MARK: Keys

    /// Returns a problem for each key that is not one of a setting, for each that occurs twice, and for each section that
    /// is not supported yet.
    func unknownKeys(besides definitions: [any SettingDefinition]) -> [SettingProblem] {
        let known = Set(definitions.map(\.key))
        let unknown = leaves.filter { key, node in
            // A section whose settings are all comments is empty.
            !known.contains(key) && !(node.isEmpty && known.contains { $0.hasPrefix("\(key).") })
        }.map { key, node in
            (node.line, SettingProblem("\(path):\(node.line): \(key) is not a setting: \(Self.remedy(key, known))"))
        }
        let twice = repeated.map { key, line in
            (line, SettingProblem([key], "\(path):\(line): \(key) occurs twice: remove one"))
        }
        let reserved = sections.map { name, node in
            (node.line, SettingProblem("\(path):\(node.line): \(name) is reserved for a later version: remove it"))
        }
        return (unknown + twice + reserved).sorted { $0.0 < $1.0 }.map(\.1)
    }

    private static func remedy(_ key: String, _ known: Set<String>) -> String {
        if let setting = known.first(where: { key.hasPrefix("\($0).") }) { return "\(setting) has no parts" }
        let parts = known.filter { $0.hasPrefix("\(key).") }.sorted()
        if !parts.isEmpty { return "it has the parts \(parts.joined(separator: ", "))" }
        // The last component without its section is a frequent mistake as well.
        let nearest = known.map { name in
            let last = name.split(separator: ".").last.map(String.init) ?? name
            return (name, min(key.distance(to: name), key.distance(to: last) + 1))
        }.min { ($0.1, $0.0) < ($1.1, $1.0) }
        if let (name, distance) = nearest, distance <= max(2, key.count / 3) { return "the nearest one is \(name)" }
        return "remove it, or see docs/configuration.md for all settings"
    }
}

extension InvalidSettings {
    init(_ message: String) { self.init(problems: [SettingProblem([], message)]) }
}

extension SettingProblem {
    init(_ message: String) { self.init([], message) }
}

extension YamlError {
    /// Returns where the file is wrong, without its text, which may contain secrets.
    fileprivate func place(in path: String, _ format: String) -> String {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "\(path):\(mark.line):\(mark.column): the file is not valid \(format): \(problem)"
        case .duplicatedKeysInMapping(let names, let context):
            "\(path):\(context.mark.line): \(names.sorted().joined(separator: ", ")) occurs twice in one section: remove one"
        default: "\(path) is not valid \(format)"
        }
    }
}

extension String {
    /// JSON with the pairs of escaped surrogates, which YAML does not have, replaced by their characters.
    fileprivate var joiningSurrogates: String {
        guard contains("\\u") else { return self }
        var result: [UInt8] = []
        let bytes = Array(utf8)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            if let high = Self.escapedUnit(bytes, index), let low = Self.escapedUnit(bytes, index + 6),
                0xD800..<0xDC00 ~= high, 0xDC00..<0xE000 ~= low,
                let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            {
                result += Array(String(Character(scalar)).utf8)
                index += 12
            } else {
                result += bytes[index..<Swift.min(index + 2, bytes.count)]
                index += 2
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Returns the code unit of `\uXXXX` at an index.
    private static func escapedUnit(_ bytes: [UInt8], _ index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else {
            return nil
        }
        return UInt32(String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }

    /// The number of characters that have to be inserted, removed or replaced to get from one name to another, regardless
    /// of case.
    fileprivate func distance(to other: String) -> Int {
        let (left, right) = (Array(lowercased()), Array(other.lowercased()))
        var row = Array(0...right.count)
        for (index, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let cost = diagonal + (character == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = Swift.min(cost, Swift.min(row[column], diagonal) + 1)
            }
        }
        return row[right.count]
    }
}
