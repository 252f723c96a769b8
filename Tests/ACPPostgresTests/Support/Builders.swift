// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPPostgres
import ACPStorage
import Testing

/// Writes a run as its owner does.
struct Writer {
    var run: Run
    let owner: RunOwner
    let storage: PostgresStorage
    private(set) var events: [EncodedEvent] = []

    init(_ run: Run = Run(agentName: "writer"), on storage: PostgresStorage) {
        self.run = run
        owner = RunOwner(process: ProcessID())
        self.storage = storage
    }

    static func create(_ run: Run = Run(agentName: "writer"), on storage: PostgresStorage) async throws -> Writer {
        var writer = Writer(run, on: storage)
        try await storage.commit(try writer.next([.runCreated(run)], snapshot: true))
        return writer
    }

    /// Returns the next commit, which the writer counts as done.
    mutating func next(_ new: [Event], snapshot: Bool = false) throws -> RunCommit {
        for event in new { run.apply(event) }
        let encoded = try new.map { try EncodedEvent($0) }
        let commit = RunCommit(
            run: run.id, expecting: events.count, events: encoded,
            snapshot: snapshot ? try RunSnapshot(run, eventCount: events.count + new.count) : nil, owner: owner,
            input: events.isEmpty ? try Encoded(["hello"], as: "the input") : nil)
        events += encoded
        return commit
    }

    mutating func write(_ text: String) async throws {
        try await storage.commit(try next([.messagePart(.text(text))]))
    }

    mutating func complete() async throws {
        var completed = run
        completed.status = .completed
        try await storage.commit(try next([.runCompleted(completed)], snapshot: true))
    }
}

/// Returns the error that a call throws.
func storageError(of body: () async throws -> Void) async -> StorageError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StorageError
    }
}

/// Runs a step with a storage, which is closed afterwards.
func withStorage<Value>(
    _ configuration: PostgresStorage.Configuration, _ body: (PostgresStorage) async throws -> Value
) async throws -> Value {
    let storage = try PostgresStorage(configuration)
    do {
        let value = try await body(storage)
        await storage.close()
        return value
    } catch {
        await storage.close()
        throw error
    }
}
