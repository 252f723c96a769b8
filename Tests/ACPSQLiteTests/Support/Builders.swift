// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import Synchronization

/// Writes a run as its owner does.
struct Writer {
    var run: Run
    let owner: RunOwner
    let storage: SQLiteStorage
    private(set) var count = 0

    init(_ run: Run, on storage: SQLiteStorage, owner: RunOwner = RunOwner(process: ProcessID())) {
        self.run = run
        self.owner = owner
        self.storage = storage
    }

    static func create(
        _ run: Run = Run(agentName: "writer"), on storage: SQLiteStorage,
        owner: RunOwner = RunOwner(process: ProcessID())
    ) async throws -> Writer {
        var writer = Writer(run, on: storage, owner: owner)
        try await writer.write([.runCreated(run)], snapshot: true, input: ["hello"])
        return writer
    }

    mutating func write(
        _ events: [Event], snapshot: Bool = false, input: [Message]? = nil, history: HistoryAppend? = nil
    ) async throws {
        var changed = run
        for event in events { changed.apply(event) }
        let total = count + events.count
        try await storage.commit(
            RunCommit(
                run: run.id, expecting: count, events: try events.map { try EncodedEvent($0) },
                snapshot: snapshot ? try RunSnapshot(changed, eventCount: total) : nil, owner: owner,
                input: try input.map { try Encoded($0, as: "the input") },
                history: history))
        run = changed
        count = total
    }

    mutating func become(_ status: RunStatus) async throws {
        var changed = run
        changed.status = status
        try await write([status == .awaiting ? .runAwaiting(changed) : .runCompleted(changed)], snapshot: true)
    }

    mutating func complete(history: HistoryAppend) async throws {
        var changed = run
        changed.status = .completed
        try await write([.runCompleted(changed)], snapshot: true, history: history)
    }
}

/// A clock that is advanced by the test.
final class ManualTime: Sendable {
    private let time = Mutex(Timestamp.now)

    var now: @Sendable () -> Timestamp {
        { [self] in time.withLock { $0 } }
    }

    func advance(by duration: Duration) {
        time.withLock { $0 = $0 + duration }
    }
}
