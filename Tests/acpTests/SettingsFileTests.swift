// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Foundation
import Testing

@testable import acp

@Suite("Configuration files")
struct SettingsFileTests {
    @Test("JSON is read like YAML, and its characters may be escaped")
    func json() throws {
        let text = #"""
            {"host": "localhost", "storage": {"prefix": "\ud83d\ude00:\u00e9\\ud83d\n\/"},
            	"runs": {"lease": 2}, "browsers": {"allowedHosts": ["a", "b"]}}
            """#
        let values = try settings(file: text, name: "acp.json")
        #expect(values.problems.isEmpty, "\(values.problems)")
        #expect(values[ServeSettings.storage.prefix] == "😀:é\\ud83d\n/")
        #expect(values[ServeSettings.runs.lease] == 2)
        #expect(values[ServeSettings.browsers.allowedHosts] == ["a", "b"])
        #expect(
            try mistakes(file: "{\"port\": \"1\",", name: "acp.json").first?.contains(
                "acp.json:2:1: the file is not valid JSON") == true)
    }

    @Test(
        "Empty files, empty sections and values without content set nothing",
        arguments: [
            "", "# only a comment\n", "{}", "tls:\n  # key: a\nurls: {}\nport:\nauthentication: {token: null}",
        ])
    func emptySections(text: String) throws {
        let values = try settings(file: text)
        #expect(values.problems.isEmpty, "\(values.problems)")
        #expect(ServeSettings.definitions.allSatisfy { values.source(of: $0) == .builtIn })
    }

    @Test("Levels can be written with dots, and with anchors")
    func dotsAndAnchors() throws {
        let values = try settings(file: "limits.streams: &n 3\nlimits:\n  requestBurst: *n")
        #expect(values.problems.isEmpty, "\(values.problems)")
        #expect(values[ServeSettings.limits.streams] == 3 && values[ServeSettings.limits.requestBurst] == 3)
    }

    @Test("A file that cannot be read, or is not text, is named")
    func unreadableFiles() throws {
        #expect(throws: InvalidSettings.self) { try SettingsFile(path: "/nowhere/acp.yaml") }
        let bytes: [UInt8] = [0x70, 0xFF, 0xFE]
        #expect(throws: InvalidSettings.self) {
            try SettingsFile(data: bytes.span.bytes, providerName: "acp.yaml", parsingOptions: .default)
        }
    }

    @Test("Commands that use some settings accept a file with all")
    func partialScope() throws {
        let file = try settingsFile("port: 1\nstorage: {url: memory}")
        let values = SettingValues(StorageScope.self, from: SettingSources(file: file))
        #expect(values.problems.isEmpty)
        #expect(values[ServeSettings.storage.url] == "memory")
    }

    @Test("The description of a file contains no values")
    func descriptions() throws {
        let file = try settingsFile("authentication: {token: pass-phrase}")
        #expect(!"\(file) \(String(reflecting: file))".contains("pass-phrase"))
    }
}
