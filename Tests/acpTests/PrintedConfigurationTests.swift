// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import acp

@Suite("Printed configuration")
struct PrintedConfigurationTests {
    @Test(
        "It is a configuration file with the same values", arguments: Sample.all.filter { $0.key != "urls.signingFile" }
    )
    func roundTrip(sample: Sample) throws {
        let context = sample.context.isEmpty ? "" : "\(sample.context)\n"
        let file = sample.context.isEmpty ? sample.file : ""
        let variables = sample.context.isEmpty ? [:] : [try sample.definition.variable: sample.text]
        let values = try settings([], variables, file: context + file)
        let printed = PrintedConfiguration(values).text
        let again = try settings(file: printed)
        #expect(again.problems.isEmpty, "\(again.problems)\n\(printed)")
        for definition in ServeSettings.definitions where definition.secrecy != .all {
            let (read, expected) = (again.content(of: definition), values.content(of: definition))
            #expect(read == expected, "\(definition.key)")
        }
    }

    @Test("It has the source of each value, and all its names")
    func sources() throws {
        let values = try settings(
            ["--port", "1", "--no-a2a"], ["ACP_HOST": "localhost"], file: "log:\n  level: debug")
        let lines = PrintedConfiguration(values).text.split(separator: "\n").map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        for line in [
            "port: 1  # from --port", "host: \"localhost\"  # from ACP_HOST", "level: \"debug\"  # from acp.yaml:2",
            "enabled: false  # from --no-a2a", "prefix: \"acp:\"  # the default", "# --port, ACP_PORT",
            "# certificate: the server serves HTTP",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test("A character that YAML does not allow, or that ends a comment, is escaped")
    func specialCharacters() throws {
        let file = #"""
            storage: {url: "redis://app:s3cret@host\nport: 1", prefix: "a\u0085b\u2028c\uFEFFd\x7Fe"}
            """#
        let values = try settings(file: file)
        let text = PrintedConfiguration(values).text
        #expect(!text.contains("\nport: 1") && !text.contains("s3cret"), "\(text)")
        let again = try settings(file: text)
        #expect(again[ServeSettings.listening.port] == values[ServeSettings.listening.port])
        #expect(again[ServeSettings.storage.prefix] == values[ServeSettings.storage.prefix])
    }

    @Test("Secrets are hidden")
    func secrets() throws {
        let values = try settings(
            ["--token", "pass-phrase-1"],
            ["ACP_URL_SECRET": "pass-phrase-2-is-long pass-phrase-3-is-long"],
            file: "storage: {url: \"redis://user:pass-phrase-4@h:1/2\"}")
        let text = PrintedConfiguration(values).text
        #expect(!text.contains("pass-phrase"))
        #expect(text.contains("  # url: redis://***@h:1/2  # from acp.yaml:1\n"))
        #expect(text.contains("  # token: ***  # from --token\n"))
        #expect(text.contains("  # secrets: ***  # from ACP_URL_SECRET\n"))
        #expect(try settings(file: text).problems.isEmpty)
    }

    @Test(
        "Credentials of URLs are replaced",
        arguments: [
            ("redis://host/1", nil), ("sqlite:runs.sqlite", nil), ("postgres://agents@host/x?sslmode=require", nil),
            ("redis://:secret@host", "redis://***@host"), ("redis://u:se@cr/e?t@host/1", "redis://***@host/1"),
            ("postgres://host/x?user=a&password=secret", "postgres://host/x?***"),
            ("postgres://a@host/x?p%61ssword=secret", "postgres://***@host/x?***"),
            ("redis+sentinel://h1,h2/m?sentinel_password=secret", "redis+sentinel://h1,h2/m?***"),
            ("postgres://u:secret@host/x?sslmode=require", "postgres://***@host/x?sslmode=require"),
        ] as [(String, String?)])
    func urls(url: String, shown: String?) {
        #expect(url.redactedURL == shown)
    }
}
