// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import RedisTestSupport

@testable import ACPRedis

let agent: AgentName = "tester"

/// A run that is written step by step, with its expected stored state.
struct Writer: Sendable {
    let storage: RedisStorage
    var owner = RunOwner(process: ProcessID())
    var run: Run
    var events: [EncodedEvent] = []

    init(
        _ storage: RedisStorage, session: SessionID? = SessionID(), agent: AgentName = agent,
        createdAt: Timestamp = .now, principal: PrincipalID? = nil
    ) {
        self.storage = storage
        run = Run(agentName: agent, sessionID: session, createdAt: createdAt, principal: principal)
    }

    /// Creates the run.
    static func create(
        _ storage: RedisStorage, session: SessionID? = SessionID(), agent: AgentName = agent,
        createdAt: Timestamp = .now, principal: PrincipalID? = nil
    ) async throws -> Writer {
        var writer = Writer(storage, session: session, agent: agent, createdAt: createdAt, principal: principal)
        try await storage.commit(try writer.next([.runCreated(writer.run)], snapshot: true, input: ["hello"]))
        return writer
    }

    mutating func next(_ new: [Event], snapshot: Bool = false, input: [Message]? = nil) throws -> RunCommit {
        for event in new { run.apply(event) }
        let encoded = try new.map { event in try EncodedEvent(event) }
        let commit = RunCommit(
            run: run.id, expecting: events.count, events: encoded,
            snapshot: snapshot ? try RunSnapshot(run, eventCount: events.count + new.count) : nil, owner: owner,
            input: try input.map { try Encoded($0, as: "the input") })
        events += encoded
        return commit
    }

    mutating func write(_ new: [Event], snapshot: Bool = false) async throws {
        try await storage.commit(try next(new, snapshot: snapshot))
    }

    mutating func become(_ status: RunStatus) async throws {
        run.status = status
        let event: Event =
            switch status {
            case .created: .runCreated(run)
            case .inProgress, .cancelling: .runInProgress(run)
            case .awaiting: .runAwaiting(run)
            case .completed: .runCompleted(run)
            case .failed: .runFailed(run)
            case .cancelled: .runCancelled(run)
            }
        try await write([event], snapshot: true)
    }

    /// Returns whether the stored run equals the written one.
    func isStored(on other: RedisStorage? = nil) async throws -> Bool {
        let storage = other ?? storage
        let found = try await storage.events(of: run.id, from: 0, limit: nil)
        return try await storage.run(run.id) == run && found == events
    }
}

func part(_ number: Int) -> Event { .messagePart(.text("part \(number)")) }

func block(_ name: String) -> HistoryBlock {
    let entry = HistoryEntry.link("https://example.com/\(name)")
    return HistoryBlock(key: name, encoded: (try? Encoded(entry, as: "the link")).map { [$0] } ?? [])
}

/// A report on all keys of a database.
struct KeyReport {
    /// The time to live of each key in milliseconds; -1 for a key that never expires.
    var lives: [String: Int] = [:]
    /// The number of members or elements of each such key.
    var sizes: [String: Int] = [:]

    init(_ client: RedisClient) async throws {
        for try await key in client.scan() {
            lives[key] = try await client.send("PTTL", key).int
            switch try await client.send("TYPE", key).string {
            case "zset": sizes[key] = try await client.send("ZCARD", key).int
            case "list": sizes[key] = try await client.send("LLEN", key).int
            default: break
            }
        }
    }

    var eternal: [String] { lives.filter { $0.value == -1 }.map(\.key).sorted() }
}

/// Returns the error that a step throws.
func storageError(_ body: () async throws -> Void) async -> StorageError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StorageError
    }
}
