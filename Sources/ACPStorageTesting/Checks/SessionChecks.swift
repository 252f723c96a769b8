// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The state and the metadata of sessions.
enum SessionChecks {
    static let all = [
        StorageCheck("A session that was never stored is not found", unknown),
        StorageCheck("A session is returned as it was saved, and its version is the number of saves", save),
        StorageCheck("A session's state is returned byte for byte, whatever the bytes", bytes),
        StorageCheck("A save that expects another version throws conflict and changes nothing", versions),
        StorageCheck("No update is lost when many tasks change a session's state at once", compareAndSet),
        StorageCheck("Of several tasks that create a session at once, one succeeds", creation),
        StorageCheck("Deleting a session removes its state and its history, and nothing else", delete),
    ]

    static func unknown(_ context: CheckContext) async throws {
        let storage = context.storage
        try context.expect("the session", try await storage.session(context.session), is: nil)
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil)
        try context.expect("the history", history.items, is: [])
        try context.expect("its total", history.total, is: 0)
        try context.expect("deleting it", try await storage.deleteSession(context.session), is: false)
        for version in [1, 7, -1] {
            try await context.expectError(.conflict, "saving it with version \(version) expected") {
                try await storage.save(SessionRecord(id: context.session), expecting: version)
            }
        }
        try context.expect("the session", try await storage.session(context.session), is: nil)
    }

    static func save(_ context: CheckContext) async throws {
        let storage = context.storage
        var session = SessionRecord(id: context.session)
        let states: [SessionState?] = [
            nil, SessionState(bytes: Array(#"{"n":1}"#.utf8)), SessionState(bytes: [], contentType: "text/plain"), nil,
            SessionState(bytes: [1], contentType: "application/x; name=\"ä\""),
        ]
        for (index, state) in states.enumerated() {
            session.state = state
            session.metadata = index == 2 ? [:] : ["save": .integer(Int64(index)), "nested": ["list": [1, nil, "x"]]]
            // The version of the record is ignored.
            session.version = 999
            let expecting = index.isMultiple(of: 2) ? index : nil
            let version = try await storage.save(session, expecting: expecting)
            try context.expect("the version", version, is: index + 1)
            session.version = version
            try context.expect("the session", try await storage.session(context.session), is: session)
        }
    }

    static func bytes(_ context: CheckContext) async throws {
        let all = (0...255).map { UInt8($0) }
        let states: [[UInt8]] = [
            [], [0], [0xFF, 0xFE, 0xC3, 0x28, 0x80], all, all.reversed() + all, Array("\r\n\0\"\\{}$1%s".utf8),
            Array("naïve 🦊".utf8), Array("\u{FEFF}with a byte order mark".utf8),
        ]
        for state in states {
            let saved = SessionState(bytes: state, contentType: "application/octet-stream")
            try await context.storage.save(SessionRecord(id: context.session, state: saved), expecting: nil)
            let found = try await context.storage.session(context.session)
            try context.expect("the state's bytes", found?.state?.bytes, is: state)
            try context.expect("the content type", found?.state?.contentType, is: "application/octet-stream")
        }
    }

    static func versions(_ context: CheckContext) async throws {
        let storage = context.storage
        func state(_ text: String) -> SessionRecord {
            SessionRecord(id: context.session, state: SessionState(bytes: Array(text.utf8)))
        }
        try context.expect("creating", try await storage.save(state("one"), expecting: 0), is: 1)
        try context.expect("the second save", try await storage.save(state("two"), expecting: 1), is: 2)
        for wrong in [0, 1, 3, -1, Int.max] {
            try await context.expectError(.conflict, "a save that expects version \(wrong) instead of 2") {
                try await storage.save(state("wrong"), expecting: wrong)
            }
            let found = try await storage.session(context.session)
            try context.expect("the state", found?.state?.bytes, is: Array("two".utf8))
            try context.expect("the version", found?.version, is: 2)
        }
        try context.expect("saving over it", try await storage.save(state("three"), expecting: nil), is: 3)
        try context.expect("the fourth save", try await storage.save(state("four"), expecting: 3), is: 4)
    }

    static func compareAndSet(_ context: CheckContext) async throws {
        let storage = context.storage
        let (tasks, rounds) = (16, 5)
        _ = try await concurrently(tasks) { task in
            for round in 0..<rounds {
                // A conflict means that another task's update was stored, so their number is limited.
                let isIn = try await succeeds(within: tasks * rounds) {
                    let found = try await storage.session(context.session)
                    let bytes = (found?.state?.bytes ?? []) + [UInt8(task)]
                    let session = SessionRecord(id: context.session, state: SessionState(bytes: bytes))
                    // Lets other tasks run, as the storage may never suspend.
                    await Task.yield()
                    return try await context.attempt(orFailWith: .conflict) {
                        try await storage.save(session, expecting: found?.version ?? 0)
                    }
                }
                try context.expect(isIn, "update \(round) of task \(task) had more conflicts than there were updates")
            }
        }
        let found = try await storage.session(context.session)
        try context.expect("the version", found?.version, is: tasks * rounds)
        let expected = (0..<tasks).flatMap { [UInt8](repeating: UInt8($0), count: rounds) }
        try context.expect("the stored updates", found?.state?.bytes.sorted(), is: expected)
    }

    private static func succeeds(within attempts: Int, _ attempt: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<attempts where try await attempt() { return true }
        return false
    }

    static func creation(_ context: CheckContext) async throws {
        let winners = try await concurrently(20) { task -> Int? in
            let state = SessionState(bytes: [UInt8(task)])
            let won = try await context.attempt(orFailWith: .conflict) {
                let session = SessionRecord(id: context.session, state: state)
                try await context.storage.save(session, expecting: 0)
            }
            return won ? task : nil
        }.compactMap(\.self)
        try context.expect("the number of tasks that created the session", winners.count, is: 1)
        let found = try await context.storage.session(context.session)
        try context.expect("the state", found?.state?.bytes, is: [UInt8(winners[0])])
        try context.expect("the version", found?.version, is: 1)
    }

    static func delete(_ context: CheckContext) async throws {
        let storage = context.storage
        let writer = try await RunWriter.create(context.newRun(), on: storage)
        let block = try HistoryBlock(run: writer.run.id, input: ["hello"], output: [])
        let other = SessionID()
        for session in [context.session, other] {
            try await storage.append([block], to: session)
            try await storage.save(SessionRecord(id: session, metadata: ["kept": true]), expecting: nil)
        }
        try context.expect("deleting it", try await storage.deleteSession(context.session), is: true)
        try context.expect("the session", try await storage.session(context.session), is: nil)
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil)
        try context.expect("the history", history.items, is: [])
        try context.expect("its total", history.total, is: 0)
        try context.expect("deleting it again", try await storage.deleteSession(context.session), is: false)
        // Its runs and other sessions remain.
        try await context.expectStored(writer)
        let runs = try await storage.runs(RunQuery(.session(context.session)))
        try context.expect("the runs of the deleted session", runs.items, is: [writer.run])
        try context.expect("another session", try await storage.session(other)?.metadata, is: ["kept": true])
        let otherHistory = try await storage.storedHistory(of: other, from: 0, limit: nil).items
        try context.expect("another session's history", otherHistory, is: block.entries)
        // A new session has new versions and no blocks.
        let version = try await storage.save(SessionRecord(id: context.session), expecting: 0)
        try context.expect("the version of the new session", version, is: 1)
        try await storage.append([block], to: context.session)
        let newHistory = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
        try context.expect("the history of the new session", newHistory, is: block.entries)
        // A session with a history alone can be deleted as well.
        try await storage.deleteSession(other)
        try await storage.append([block], to: other)
        try context.expect("deleting a history", try await storage.deleteSession(other), is: true)
    }
}
