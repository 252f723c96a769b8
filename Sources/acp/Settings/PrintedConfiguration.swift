// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Configuration
import Foundation

/// The outcome of all sources as a configuration file, for `--print-config`.
///
/// Each setting has its meaning, its flag and its variable as comments, and its source. Values with secrets are left out
/// as comments: the file can be used where there are none.
struct PrintedConfiguration {
    let text: String

    init(_ values: SettingValues) {
        var lines = [
            "# The configuration of acp serve. Flags take precedence over variables, and variables over the file.",
            "# Values with secrets are left out.",
        ]
        var section: [String] = []
        for definition in ServeSettings.definitions {
            let path = definition.path
            let parents = Array(path.dropLast())
            if parents != section {
                let common = zip(parents, section).prefix { $0 == $1 }.count
                lines.append("")
                for depth in common..<parents.count { lines.append(Self.indent(depth) + "\(parents[depth]):") }
                section = parents
            } else if parents.isEmpty {
                lines.append("")
            }
            lines += Self.lines(of: definition, values)
        }
        text = lines.joined(separator: "\n") + "\n"
    }

    private static func lines<Value>(of definition: some SettingDefinition<Value>, _ values: SettingValues) -> [String]
    {
        let indent = indent(definition.path.count - 1)
        let flag = definition.flag.map { "--\($0), " } ?? ""
        let name = definition.path.last ?? definition.key
        let source =
            switch values.source(of: definition) {
            case .builtIn: "the default"
            case .file(let path, let line): "from \(path):\(line)"
            case .flag, .variable: "from \(values.name(of: definition))"
            }
        let value = values.value(of: definition)
        let line =
            if let content = value.content {
                if let redacted = definition.redacted(content) {
                    "# \(name): \(redacted.inComment)  # \(source)"
                } else {
                    "\(name): \(content.yaml)  # \(source)"
                }
            } else {
                "# \(name): \(definition.documentedDefault)"
            }
        let help = wrapped(definition.help, width: 118 - indent.count)
        return (help + ["\(flag)\(definition.variable)"]).map { "\(indent)# \($0)" } + [indent + line]
    }

    private static func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + word.count + 1 <= width {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}

extension SettingDefinition {
    /// Returns what may be shown of a value with a secret. `nil` if it contains none.
    func redacted(_ content: ConfigContent) -> String? {
        switch (secrecy, content) {
        case (.none, _): nil
        case (.urlCredentials, .string(let text)): text.redactedURL
        default: content == defaultValue.content ? nil : "***"
        }
    }
}

extension ConfigContent {
    /// The value in YAML.
    fileprivate var yaml: String {
        switch self {
        case .bool(let value): "\(value)"
        case .string(let text): text.quoted
        case .stringArray(let texts): "[\(texts.map(\.quoted).joined(separator: ", "))]"
        default: text
        }
    }
}

extension String {
    /// The URL with asterisks in place of its credentials. `nil` if it contains no password.
    var redactedURL: String? {
        guard let scheme = firstRange(of: "://") else { return nil }
        let rest = self[scheme.upperBound...]
        // A password may contain any character, even where it should be escaped.
        let end = rest.lastIndex(of: "@")
        let hasPassword = end.map { rest[..<$0].contains(":") } ?? false
        var host = end.map { rest[rest.index(after: $0)...] } ?? rest
        let query = host.firstIndex(of: "?").map { host[$0...] } ?? ""
        let hidesQuery = (query.removingPercentEncoding ?? "password").lowercased().contains("password")
        guard hasPassword || hidesQuery else { return nil }
        if hidesQuery { host = host.prefix { $0 != "?" } }
        let user = end == nil ? "" : "***@"
        return "\(self[..<scheme.upperBound])\(user)\(host)\(hidesQuery ? "?***" : "")"
    }

    /// The text as it is written in a comment: in quotation marks if a character has to be escaped, such as a line break,
    /// which would end the comment.
    fileprivate var inComment: String { quoted == "\"\(self)\"" ? self : quoted }

    /// The text in quotation marks, as JSON and YAML write it.
    fileprivate var quoted: String {
        let json = (try? ACPJSON.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
        guard json.unicodeScalars.contains(where: \.isEscapedInYAML) else { return json }
        return json.unicodeScalars.reduce(into: "") { text, scalar in
            guard scalar.isEscapedInYAML else { return text.unicodeScalars.append(scalar) }
            let digits = String(scalar.value, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }
}

extension Unicode.Scalar {
    /// Whether YAML does not allow the character in a text, or reads it as a line break, but JSON does not escape it.
    fileprivate var isEscapedInYAML: Bool {
        switch value {
        case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }
}
