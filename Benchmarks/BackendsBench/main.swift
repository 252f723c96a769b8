// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPPostgres
import ACPRedis
import ACPSQLite
import ACPStorage
import Foundation

// Puts the same load on several storages, one after the other, and prints a table.
// Usage: BackendsBench SECONDS STORAGE…, where a storage is memory, sqlite:PATH, redis://… or postgres://…

func open(_ name: String) async throws -> any Storage {
    switch name.prefix(while: { $0 != ":" }) {
    case "memory": return MemoryStorage(.init(runLimit: 100_000))
    case "sqlite": return try SQLiteStorage(path: String(name.dropFirst("sqlite:".count)))
    case "redis": return try RedisStorage(url: name)
    case "postgres": return try PostgresStorage(url: name)
    default:
        throw StorageError(
            .refused, "\(name) is no storage: memory, sqlite:PATH, redis://… or postgres://… is expected")
    }
}

/// One event after the other, each in a commit of its own.
func write(_ event: EncodedEvent, on storage: any Storage, until end: ContinuousClock.Instant) async throws -> Int {
    let run = Run(agentName: "bench", sessionID: SessionID())
    let owner = RunOwner(process: ProcessID())
    try await storage.commit(
        RunCommit(
            run: run.id, expecting: 0, events: [try EncodedEvent(.runCreated(run))],
            snapshot: try RunSnapshot(run, eventCount: 1), owner: owner, input: ["hello"]))
    var count = 1
    while .now < end {
        try await storage.commit(
            RunCommit(run: run.id, expecting: count, events: [event], snapshot: nil, owner: owner))
        count += 1
    }
    return count - 1
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

func commitsPerSecond(on storage: any Storage, runs: Int, for time: Duration) async throws -> Int {
    let event = try EncodedEvent(.messagePart(.text("This is a part of a message of usual length.")))
    let start = ContinuousClock.now
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<runs { group.addTask { try await write(event, on: storage, until: start + time) } }
        return try await group.reduce(0, +)
    }
    return Int(Double(total) / seconds(.now - start))
}

/// The median time of one call, in microseconds.
func time(_ times: Int = 1_000, _ call: () async throws -> Void) async throws -> Int {
    var durations: [Duration] = []
    for _ in 0..<times {
        let start = ContinuousClock.now
        try await call()
        durations.append(.now - start)
    }
    return Int(seconds(durations.sorted()[times / 2]) * 1e6)
}

func measure(_ name: String, for limit: Duration) async throws {
    let storage = try await open(name)
    _ = try await commitsPerSecond(on: storage, runs: 4, for: .milliseconds(300))
    let one = try await commitsPerSecond(on: storage, runs: 1, for: limit)
    let many = try await commitsPerSecond(on: storage, runs: 64, for: limit)
    let run = Run(agentName: "reads", sessionID: "reads", output: [Message("An answer of usual length.")])
    try await storage.save(run)
    for _ in 0..<999 { try await storage.save(Run(agentName: "reads", status: .completed)) }
    let read = try await time { _ = try await storage.record(of: run.id) }
    let page = try await time { _ = try await storage.runs(RunQuery(.agent("reads"), limit: 10)) }
    print("| \(name.prefix(while: { $0 != ":" })) | \(one) | \(many) | \(read) µs | \(page) µs |")
    try await storage.close()
}

let arguments = CommandLine.arguments.dropFirst()
guard let limit = arguments.first.flatMap({ Double($0) }), arguments.count > 1 else {
    print("usage: BackendsBench SECONDS STORAGE…")
    exit(2)
}
print("| storage | commits/s, 1 run | commits/s, 64 runs | read a run | newest 10 of 1,000 |\n|---|---|---|---|---|")
for name in arguments.dropFirst() { try await measure(name, for: .seconds(limit)) }
