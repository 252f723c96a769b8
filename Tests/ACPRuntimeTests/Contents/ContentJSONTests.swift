// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Replacing contents in JSON, and restoring them")
struct ContentJSONTests {
    /// Replaces contents, and checks that restoring them results in the same bytes.
    private func reduce(_ json: [UInt8], limit: Int? = 300) throws -> (
        json: [UInt8]?, contents: [ContentReference: [UInt8]]
    ) {
        var contents: [ContentReference: [UInt8]] = [:]
        guard let reduced = ContentJSON.reduce(json, limit: limit, { contents[$0] = Array($1) }) else {
            #expect(contents.isEmpty)
            return (nil, [:])
        }
        #expect(ContentJSON.canContainReferences(reduced))
        #expect(Set(ContentJSON.references(in: reduced)) == Set(contents.keys))
        let restored = try ContentJSON.restore(reduced) { reference throws(StorageError) in
            guard let content = contents[reference] else { throw StorageError(.corruptData, "\(reference)") }
            return content
        }
        #expect(String(decoding: restored, as: UTF8.self) == String(decoding: json, as: UTF8.self))
        return (reduced, contents)
    }

    static let parts: [MessagePart] = [
        .text(String(repeating: "a", count: 1_000)),
        .text(String(repeating: "a\"\\\n\u{1}é🌍", count: 100)),
        .text(String(repeating: "\\", count: 301)),
        .text(String(repeating: "\"", count: 300) + "\\\""),
        .text(String(repeating: #""content":"x""content_url":"acp-content:"#, count: 20)),
        .data((0..<1_000).map { UInt8(truncatingIfNeeded: $0) }, contentType: "image/png", name: "a.png"),
        MessagePart(content: String(repeating: "b", count: 400), extra: ["content_url": "acp-content:x", "z": 1]),
    ]

    @Test("A large content is replaced in its event, and restored byte for byte", arguments: parts)
    func part(_ part: MessagePart) throws {
        let event = try EncodedEvent(.messagePart(part))
        let (json, contents) = try reduce(event.json)
        let reduced = try #require(json)
        #expect(reduced.count < 400)
        #expect(contents.count == 1)
        let reference = try #require(contents.keys.first)
        guard case .messagePart(let stored) = try EncodedEvent(json: reduced).decode() else {
            Issue.record("it is no part any more")
            return
        }
        #expect(stored.content == nil)
        #expect(stored.contentURL == reference.url)
        #expect(reference.url == "acp-content:\(reference.digest):\(contents[reference]?.count ?? 0)")
    }

    @Test("Events of a whole message and of a whole run refer to the same contents as its parts")
    func whole() throws {
        let message = Message(role: .agent("a"), parts: Self.parts + [.text("small")] + Self.parts)
        var run = Run(agentName: "a", output: [message, message])
        run.awaitRequest = .message(message)
        let single = try Self.parts.map { try reduce(EncodedEvent(.messagePart($0)).json).contents.keys.map(\.digest) }
        for event in [Event.messageCompleted(message), .runAwaiting(run)] {
            let (json, contents) = try reduce(EncodedEvent(event).json)
            #expect(Set(contents.keys.map(\.digest)) == Set(single.joined()))
            let reduced = try #require(json)
            _ = try EncodedEvent(json: reduced).decode()
        }
        // The same in snapshots and in history entries.
        for json in [try ACPJSON.encode(run), try ACPJSON.encode(HistoryEntry.message(message))] {
            #expect(Set(try reduce(json).contents.keys.map(\.digest)) == Set(single.joined()))
        }
    }

    @Test("Small documents, and large ones of small parts, are unchanged")
    func untouched() throws {
        let small = MessagePart.text(String(repeating: "a", count: 300))
        let link = MessagePart(contentURL: "https://example.com/acp-content:" + String(repeating: "a", count: 1_000))
        let many = Message(parts: Array(repeating: small, count: 100) + [link])
        for event in [Event.messagePart(small), .messagePart(link), .messageCompleted(many), .generic(1)] {
            #expect(try reduce(EncodedEvent(event).json).json == nil)
        }
        let large = try EncodedEvent(.messagePart(.text(String(repeating: "a", count: 100_000)))).json
        #expect(try reduce(large, limit: nil).json == nil)
    }

    static let urls = [
        "acp-content:", "acp-content:own:", "acp-content:own:own:x", "acp-content:\u{301}x", "acp-content:\"\\",
        "acp-content:" + String(repeating: "0", count: 64) + ":400",
        "acp-content:own:" + String(repeating: "0", count: 64) + ":400",
        "acp-content:" + String(repeating: "0", count: 64) + ":99999999999999999999",
    ]

    @Test("URLs that look like references are not references, and are restored unchanged", arguments: urls)
    func own(_ url: String) throws {
        let part = MessagePart(contentURL: url)
        for limit in [nil, 1, 1_000] {
            let (json, contents) = try reduce(EncodedEvent(.messagePart(part)).json, limit: limit)
            #expect(contents.isEmpty)
            #expect(json != nil)
        }
        // A reader of the stored form does not see a reference either.
        let json = try #require(try reduce(ACPJSON.encode(part), limit: 1).json)
        let stored = try ACPJSON.decode(MessagePart.self, from: json)
        #expect(stored != part)
        #expect(stored.stored?.reference == nil)
        #expect(stored.stored?.own == url)
    }

    @Test("Members with the same name elsewhere, and JSON of other writers with spaces, are restored unchanged")
    func elsewhere() throws {
        let large = String(repeating: "x", count: 1_000)
        let generic = try EncodedEvent(.generic(["content": .string(large), "a": ["content": .string(large)]]))
        #expect(try reduce(generic.json).contents.count == 1)
        let strange = [
            "{\"type\":\"message.part\", \"part\": {\"content\" : \"\(large)\", \"content_url\": \"acp-content:x\"}}",
            "{\"type\":\"generic\",\"generic\":{\"a\\\"content\":\"\(large)\"}}",
            "{\"type\":\"generic\",\"generic\":[\"content\",\"\(large)\"]}",
            "{\"type\":\"generic\",\"generic\":{\"content\":[\"\(large)\"],\"content_url\":[\"acp-content:\"]}}",
        ]
        for text in strange { _ = try reduce(Array(text.utf8)) }
    }

    @Test("Truncated JSON is unchanged")
    func truncated() throws {
        let json = try EncodedEvent(.messagePart(Self.parts[1])).json
        // The end of the string is missing.
        for count in stride(from: 0, to: json.count - 100, by: 7) {
            let json = Array(json.prefix(count))
            #expect(ContentJSON.reduce(json, limit: 300) { _, _ in } == nil)
        }
        let reduced = try #require(try reduce(json).json)
        for count in 0..<reduced.count { _ = ContentJSON.references(in: Array(reduced.prefix(count))) }
    }

    @Test("The digest is the SHA-256 of the stored bytes")
    func digest() {
        let reference = ContentReference(to: Array("abc".utf8))
        #expect(
            reference.digest.rawValue == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(ContentDigest(rawValue: reference.digest.rawValue) == reference.digest)
        #expect(ContentDigest(rawValue: reference.digest.rawValue.uppercased()) == nil)
        #expect(ContentDigest(rawValue: String(reference.digest.rawValue.dropLast())) == nil)
    }
}
