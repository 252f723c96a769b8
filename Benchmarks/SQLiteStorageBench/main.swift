// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import Foundation

// Measures SQLiteStorage on a file of its own: commits per second, the cost of appending as a run grows, and the cost of
// listing as runs become many. Usage: SQLiteStorageBench [runs to list at most, 100000 unless said otherwise]
// [folder for the file, the system's folder for temporary files unless said otherwise]

let arguments = Array(CommandLine.arguments.dropFirst())
let most = arguments.first.flatMap { Int($0) } ?? 100_000
let folder = (arguments.dropFirst().first.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory)
    .appendingPathComponent("sqlite-bench-\(UInt32.random(in: 0 ... .max))")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)

func part(_ number: Int) -> Event { .messagePart(.text("This is part \(number) of a message of usual length.")) }

struct Writer {
    let storage: SQLiteStorage
    var run: Run
    let owner = RunOwner(process: ProcessID())
    var count = 0

    static func create(agent: AgentName, on storage: SQLiteStorage) async throws -> Writer {
        var writer = Writer(storage: storage, run: Run(agentName: agent, sessionID: SessionID()))
        try await writer.commit([EncodedEvent(.runCreated(writer.run))], snapshot: true)
        return writer
    }

    mutating func commit(_ events: [EncodedEvent], snapshot: Bool = false) async throws {
        let total = count + events.count
        try await storage.commit(
            RunCommit(
                run: run.id, expecting: count, events: events,
                snapshot: snapshot ? RunSnapshot(run, eventCount: total) : nil, owner: owner))
        count = total
    }
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

/// In microseconds.
func median(_ durations: [Duration]) -> Double {
    let sorted = durations.sorted()
    return sorted.isEmpty ? 0 : seconds(sorted[sorted.count / 2]) * 1e6
}

func line(_ what: String, _ figure: String) {
    print(what.padding(toLength: 60, withPad: " ", startingAt: 0) + figure)
}

// MARK: Commits per second

func measureCommits(_ durability: SQLiteConfiguration.Durability, runs: Int) async throws {
    let path = folder.appendingPathComponent("commits-\(durability)-\(runs).sqlite").path
    let storage = try SQLiteStorage(SQLiteConfiguration(path: path, durability: durability))
    let event = try EncodedEvent(part(1))
    var writers: [Writer] = []
    for _ in 0..<runs { writers.append(try await Writer.create(agent: "commits", on: storage)) }
    let start = ContinuousClock.now
    let end = start + .seconds(5)
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
        for writer in writers {
            group.addTask {
                var writer = writer
                while .now < end { try await writer.commit([event]) }
                return writer.count - 1
            }
        }
        return try await group.reduce(0, +)
    }
    let rate = Double(total) / seconds(.now - start)
    line("commits of one event, \(runs) run\(runs == 1 ? "" : "s") at once, \(durability)", "\(Int(rate)) per second")
    try await storage.close()
}

for durability in [SQLiteConfiguration.Durability.full, .normal] {
    for runs in [1, 64] { try await measureCommits(durability, runs: runs) }
}

// MARK: Appending as a run grows

func appendTime(_ writer: inout Writer) async throws -> Double {
    let event = try EncodedEvent(part(1))
    var times: [Duration] = []
    for _ in 0..<500 {
        let start = ContinuousClock.now
        try await writer.commit([event])
        times.append(.now - start)
    }
    return median(times)
}

func measureAppends() async throws {
    // Without waiting for the disk, whose time would hide the storage's own.
    let path = folder.appendingPathComponent("appends.sqlite").path
    let storage = try SQLiteStorage(SQLiteConfiguration(path: path, durability: .normal))
    let thousand = try (0..<1_000).map { try EncodedEvent(part($0)) }
    var warm = try await Writer.create(agent: "appends", on: storage)
    _ = try await appendTime(&warm)
    var long = try await Writer.create(agent: "appends", on: storage)
    for _ in 0..<100 { try await long.commit(thousand) }
    var early: [Double] = []
    var late: [Double] = []
    // In turns, so that what else the machine does falls on both.
    for _ in 0..<5 {
        var fresh = try await Writer.create(agent: "appends", on: storage)
        try await fresh.commit(Array(thousand.prefix(9)))
        // Its events must not be the last ones of the table, or the two would differ in more than their length.
        var last = try await Writer.create(agent: "appends", on: storage)
        try await last.commit(Array(thousand.prefix(99)))
        early.append(try await appendTime(&fresh))
        late.append(try await appendTime(&long))
    }
    line("append after event 10 (median), normal", String(format: "%.0f microseconds", early.sorted()[2]))
    line("append after event 100,000 (median), normal", String(format: "%.0f microseconds", late.sorted()[2]))
    line("  ratio", String(format: "%.2f", late.sorted()[2] / early.sorted()[2]))
    try await storage.close()
}

try await measureAppends()

// MARK: Listing

func measureListing() async throws {
    let path = folder.appendingPathComponent("listing.sqlite").path
    let storage = try SQLiteStorage(SQLiteConfiguration(path: path, durability: .normal))
    var filled = 0
    var first = 0.0
    for count in [1_000, 10_000, 100_000, 1_000_000] where count <= most {
        while filled < count {
            // Many at once, so that they share transactions.
            let range = filled..<min(filled + 256, count)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in range {
                    let run = Run(
                        id: try RunID(validating: "run-\(number)"), agentName: "lists", status: .completed,
                        output: [Message("An answer of usual length, as agents give it.", role: .agent("lists"))],
                        createdAt: Timestamp(microseconds: 1_700_000_000_000_000 + Int64(number)))
                    group.addTask { try await storage.save(run) }
                }
                try await group.waitForAll()
            }
            filled = range.upperBound
        }
        var times: [Duration] = []
        for _ in 0..<1_000 {
            let start = ContinuousClock.now
            let page = try await storage.runs(RunQuery(.agent("lists"), limit: 10))
            times.append(.now - start)
            guard page.total == count, page.items.first?.id.rawValue == "run-\(count - 1)" else {
                fatalError("the page is wrong: \(page.total) of \(count)")
            }
        }
        let time = median(times)
        if first == 0 { first = time }
        line(
            "newest 10 of \(count) runs (median)",
            String(format: "%.0f microseconds, %.2f times the first", time, time / first))
    }
    try await storage.close()
}

try await measureListing()
try FileManager.default.removeItem(at: folder)
