// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Stored keys and values")
struct StoredFormTests {
    @Test("Keys and values have the documented form")
    func keysAndValues() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        let session = SessionID()
        let createdAt = Timestamp(microseconds: 1_700_000_000_000_123)
        var writer = try await Writer.create(storage, session: session, createdAt: createdAt)
        try await writer.write([part(1)])
        try await storage.append([block("one")], to: session)
        try await storage.save(
            SessionRecord(id: session, state: SessionState(bytes: Array(#"{"n":1}"#.utf8)), metadata: ["a": 1]),
            expecting: nil)
        let id = writer.run.id
        try await withClient(server.url) { client in
            let names = try await Set(KeyReport(client).lives.keys)
            #expect(
                names == [
                    "acp:run:\(id)", "acp:events:\(id)", "acp:input:\(id)", "acp:owner:\(id)", "acp:runs",
                    "acp:agent_runs:tester", "acp:session_runs:\(session)", "acp:unfinished_runs:created",
                    "acp:status_runs:tester:created",
                    "acp:process_runs:\(writer.owner.process)", "acp:runs_expiry", "acp:session:\(session)",
                    "acp:session_history:\(session)", "acp:session_blocks:\(session)",
                ])
            let run = try #require(try await client.get("acp:run:\(id)")?.bytes)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(run)) as? [String: Any])
            #expect(object["run_id"] as? String == id.rawValue)
            #expect(object["_events"] as? Int == 1)
            #expect(try ACPJSON.decode(Run.self, from: run).id == id)
            #expect(try await client.send("ZSCORE", "acp:runs", id.rawValue).double == 1_700_000_000_000_123)
            #expect(
                try await client.send("ZRANGE", "acp:runs_expiry", 0, -1).array?.map(\.string)
                    == ["\(id) tester \(session)"])
            #expect(
                try await client.get("acp:owner:\(id)")?.string == "\(writer.owner.process)/\(writer.owner.token)")
            let events = try await client.send("LRANGE", "acp:events:\(id)", 0, -1).array?.map(\.bytes)
            #expect(events == writer.events.map(\.json))
            let saved = try #require(try await client.get("acp:session:\(session)")?.bytes)
            let state = try #require(try JSONSerialization.jsonObject(with: Data(saved)) as? [String: Any])
            #expect(state["state"] as? String == #"{"n":1}"#)
            #expect(state["version"] as? Int == 1)
        }
        await storage.close()
    }

    @Test("Owners are read as they were written, whatever characters their names contain")
    func owners() {
        for process in ["a", "", "a/b", "/", "%", "%2F", "a%b/c", "ä 🦊/"] {
            for token in ["t", "", "/", "a/b%"] {
                let owner = RunOwner(process: ProcessID(rawValue: process), token: token)
                #expect(RunOwner(stored: owner.stored) == owner)
                #expect(owner.stored.hasPrefix(RunOwner.storedPrefix(of: owner.process)))
            }
        }
        #expect(RunOwner(stored: "no slash") == nil)
        #expect(RunOwner(stored: "%zz/t") == nil)
    }

    @Test("The number of events is at the end of a run's value")
    func coveredEvents() throws {
        let run = Run(agentName: agent, output: [Message(#"says ,"_events":7}"#)])
        for count in [0, 1, 42, 1_000_000] {
            let value = RunValue.value(try RunSnapshot(run, eventCount: count))
            #expect(RunValue.coveredEvents(value) == count)
            #expect(try ACPJSON.decode(Run.self, from: value) == run)
        }
        for text in ["", "{}", "}", #"{"a":1,"_events":}"#, #"{"a":1,"_events":12"#, #"{"a":1,"_events":-1}"#] {
            let found = RunValue.coveredEvents(Array(text.utf8))
            #expect(found == nil, "\(text)")
        }
    }

    @Test("A member of the queue of expiring runs contains the run's index entry")
    func expiryMembers() throws {
        for session in [nil, SessionID()] {
            let indexEntry = RunIndexEntry(id: RunID(), agent: agent, session: session)
            #expect(RunIndexEntry(expiryMember: indexEntry.expiryMember) == indexEntry)
        }
        for text in ["", "a", "a b c d", "a  b", "a b ", "ä b"] {
            #expect(RunIndexEntry(expiryMember: text) == nil, "\(text)")
        }
    }

    @Test("An unreadable member of the queue does not stop listings")
    func strangeMember() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        let writer = try await Writer.create(storage)
        try await withClient(server.url) { client in
            try await client.send("ZADD", storage.keys.runsExpiry, 1, "what is this?")
            #expect(try await storage.runs(RunQuery()).items == [writer.run])
            #expect(try await client.send("ZCARD", storage.keys.runsExpiry).int == 1)
        }
        await storage.close()
    }
}
