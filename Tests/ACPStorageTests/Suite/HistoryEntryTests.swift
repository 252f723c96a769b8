// SPDX-License-Identifier: Apache-2.0

@testable import ACPCore
import ACPStorage
import Foundation
import Testing

@Suite("History entries")
struct HistoryEntryTests {
    static let entries: [HistoryEntry] = [
        .message(Message(role: .user, parts: [.text("a \"quoted\" line\n")], createdAt: .now, completedAt: .now)),
        .message(Message(role: .agent("echo"), parts: [])),
        .link("https://agents.example.com/sessions/s/history/0"),
    ]

    @Test("Entries are written as the same JSON in all ways, and survive a round trip", arguments: entries)
    func agrees(_ entry: HistoryEntry) throws {
        let written = try ACPJSON.encode(entry)
        #expect(try entry.written(depth: ACPJSON.maximumDepth) == written)
        let encoded = try JSONEncoder().encode(entry)
        #expect(try ACPJSON.decode(JSONValue.self, from: written) == ACPJSON.decode(JSONValue.self, from: encoded))
        #expect(try ACPJSON.decode(HistoryEntry.self, from: written) == entry)
    }
}
