// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPCore
import ACPStorage

@Suite("Reading entries of a history")
struct HistoryEntryReadingTests {
    @Test(
        "are read directly, and as Decodable reads them",
        arguments: [
            #"{"message":{"role":"user","parts":[{"content":"a"}],"created_at":null,"completed_at":null}}"#,
            #"{"link":"https://a.example/1"}"#,
            #"{"x":[{"y":null}],"link":null,"message":{"parts":[],"created_at":null,"completed_at":null}}"#,
            #"{"message":{"parts":[],"created_at":null,"completed_at":null},"link":"u"}"#, #"{"link":"a","link":"b"}"#,
        ])
    func readable(text: String) throws {
        let json = Array(text.utf8)
        let entry = json.withUnsafeBytes { JSONReader.read(HistoryEntry.self, from: $0) }
        #expect(try entry == ACPJSON.decodeThoroughly(HistoryEntry.self, from: json))
        #expect(try entry == ACPJSON.decode(HistoryEntry.self, from: json))
    }

    @Test(
        "are left to Decodable if they are not as they should be",
        arguments: [
            "{}", #"{"link":1}"#, #"{"link":null}"#, #"{"message":null}"#,
            #"{"link":"a","message":{}}"#, #"{"link":"a"} x"#, "[]",
        ])
    func refused(text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { JSONReader.read(HistoryEntry.self, from: $0) } == nil)
    }
}
