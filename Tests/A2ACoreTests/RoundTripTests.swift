// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Testing

@Suite("Round trips of random objects")
struct RoundTripTests {
    /// Writes and reads an object, as it is and with its names in snake case, and by Codable.
    private func check<Value: A2AObject>(_ value: Value, seed: UInt64) throws {
        let json = try A2AJSON.encode(value)
        let read = try A2AJSON.decode(Value.self, from: json)
        #expect(read == value, "seed \(seed)")
        #expect(try A2AJSON.encode(read) == json, "seed \(seed)")
        let bridged: Value = try JSONValue(encoding: value).decode()
        #expect(bridged == value, "seed \(seed)")
        #expect(value.violations == read.violations, "seed \(seed)")
    }

    @Test("An object is the same after a round trip", arguments: 0..<60)
    func roundTrip(seed: UInt64) throws {
        var random = RandomObjects(seed: seed)
        try check(random.message(), seed: seed)
        try check(random.task(), seed: seed)
        try check(random.streamResponse(), seed: seed)
        try check(random.sendRequest(), seed: seed)
        try check(random.listRequest(), seed: seed)
        try check(random.card(), seed: seed)
        try check(random.pushConfig(), seed: seed)
        try check(
            A2A.ListTasksResponse(tasks: [random.task()], nextPageToken: "", pageSize: 3, totalSize: 4), seed: seed)
        try check(
            A2A.ListTaskPushNotificationConfigsResponse(configs: [random.pushConfig()], nextPageToken: "n"), seed: seed)
    }

    @Test("A card's canonical form is that of the card after a round trip", arguments: 0..<30)
    func canonical(seed: UInt64) throws {
        var random = RandomObjects(seed: seed)
        let card = random.card()
        let read = try A2AJSON.decode(A2A.AgentCard.self, from: A2AJSON.encode(card))
        for form in A2A.AgentCard.CanonicalForm.allCases {
            let canonical = try card.canonicalJSON(form)
            #expect(try read.canonicalJSON(form) == canonical)
            #expect(try ACPJSON.decode(JSONObject.self, from: canonical)["signatures"] == nil)
        }
    }

    @Test("Damaged JSON is refused or read, and never stops the program", arguments: 0..<40)
    func damaged(seed: UInt64) throws {
        var random = RandomObjects(seed: seed)
        var bytes = SeededGenerator(seed: seed)
        let documents = [
            try A2AJSON.encode(random.sendRequest()), try A2AJSON.encode(random.card()),
            try A2AJSON.encode(random.streamResponse()),
        ]
        for document in documents {
            for _ in 0..<50 {
                var json = document
                for _ in 0..<Int.random(in: 1...3, using: &bytes) {
                    let index = Int.random(in: 0..<json.count, using: &bytes)
                    json[index] = UInt8.random(in: 0...255, using: &bytes)
                }
                _ = try? A2AJSON.decode(A2A.SendMessageRequest.self, from: json, isComplete: true)
                _ = try? A2AJSON.decode(A2A.AgentCard.self, from: json)
                _ = try? A2A.JSONRPC.Request(json: json)
                if let response = try? A2AJSON.decode(A2A.StreamResponse.self, from: json) {
                    #expect(throws: Never.self) { try A2AJSON.encode(response) }
                }
            }
        }
    }
}
