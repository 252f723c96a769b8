// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPCore
import ACPStorage

@Suite("Reading entries of a history")
struct HistoryEntryReadingTests {
    @Test(
        "Entries are read directly with the same result as by Decodable",
        arguments: [
            #"{"message":{"role":"user","parts":[{"content":"a"}],"created_at":null,"completed_at":null}}"#,
            #"{"link":"https://a.example/1"}"#,
            #"{"x":[{"y":null}],"link":null,"message":{"parts":[],"created_at":null,"completed_at":null}}"#,
            #"{"message":{"parts":[],"created_at":null,"completed_at":null},"link":"u"}"#, #"{"link":"a","link":"b"}"#,
            #"{"link":"a","message":{}}"#, #"{"link":1,"link":"a"}"#,
        ])
    func readable(text: String) throws {
        let json = Array(text.utf8)
        let entry = try JSONReader.read(HistoryEntry.self, from: json)
        #expect(try entry == ACPJSON.decodeThoroughly(HistoryEntry.self, from: json))
        #expect(try entry == ACPJSON.decode(HistoryEntry.self, from: json))
    }

    @Test(
        "Invalid entries are rejected with the path to the invalid member",
        arguments: [
            ("{}", "message is missing"), (#"{"link":1}"#, "link has the wrong type: a string is expected"),
            (#"{"link":null}"#, "message is missing"), (#"{"message":null}"#, "message is null: an object is expected"),
            (#"{"message":{}}"#, "message.parts is missing"),
            (#"{"message":{"parts":[{"name":1}]}}"#, "message.parts[0].name has the wrong type: a string is expected"),
            (
                #"{"link":"a"} x"#,
                "the body is not valid JSON: nothing may follow the value (line 1, column 14)"
            ),
            ("[]", "the body has the wrong type: an object is expected"),
        ])
    func refused(text: String, message: String) {
        let json = Array(text.utf8)
        #expect(throws: ACPError(.invalidInput, message)) { try ACPJSON.decode(HistoryEntry.self, from: json) }
        #expect(throws: ACPError(.invalidInput, message)) {
            try ACPJSON.decodeThoroughly(HistoryEntry.self, from: json)
        }
    }

    @Test("An entry is written as one member")
    func written() throws {
        let message = Message(parts: [], createdAt: nil, completedAt: nil)
        let link = try ACPJSON.encode(HistoryEntry.link("u"))
        #expect(String(decoding: link, as: UTF8.self) == #"{"link":"u"}"#)
        let entry = try ACPJSON.encode(HistoryEntry.message(message))
        #expect(
            String(decoding: entry, as: UTF8.self)
                == #"{"message":{"role":"user","parts":[],"created_at":null,"completed_at":null}}"#)
    }
}
