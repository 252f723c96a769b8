// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Testing

@testable import acp

@Suite("Documentation of the settings")
struct DocumentationTests {
    private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/configuration.md")
    private static let start = "| key | flag | variable | default | meaning |"

    /// The table as it follows from the definitions.
    private static var table: [String] {
        let rows = ServeSettings.definitions.map { definition in
            let inversion = definition.type == .bool ? ", `--no-\(definition.flag ?? "")`" : ""
            let flag = definition.flag.map { "`--\($0)`\(inversion)" } ?? "none"
            let value = definition.documentedDefault
            let isCode = definition.defaultNote == nil && value != "none"
            let cells = [
                "`\(definition.key)`", flag, "`\(definition.variable)`", isCode ? "`\(value)`" : value,
                definition.help.replacing("|", with: "\\|"),
            ]
            return "| \(cells.joined(separator: " | ")) |"
        }
        return [start, "|---|---|---|---|---|"] + rows
    }

    @Test("The table of docs/configuration.md is that of the definitions. ACP_WRITE_DOCUMENTATION=1 writes it")
    func tableOfThePage() throws {
        var lines = try String(contentsOf: Self.page, encoding: .utf8).components(separatedBy: "\n")
        let first = try #require(lines.firstIndex(of: Self.start), "the page has no table")
        let end = lines[first...].firstIndex { !$0.hasPrefix("|") } ?? lines.endIndex
        if ProcessInfo.processInfo.environment["ACP_WRITE_DOCUMENTATION"] != nil {
            lines.replaceSubrange(first..<end, with: Self.table)
            try lines.joined(separator: "\n").write(to: Self.page, atomically: true, encoding: .utf8)
        } else {
            #expect(Array(lines[first..<end]) == Self.table)
        }
    }

    @Test("The example of docs/configuration.md is valid")
    func exampleOfThePage() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let examples = text.components(separatedBy: "```yaml\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        #expect(!examples.isEmpty)
        for example in examples {
            let found = try mistakes(file: example)
            // Files with secrets do not exist here.
            #expect(found.filter { !$0.contains("does not exist") } == [], "\(found)")
        }
    }
}
