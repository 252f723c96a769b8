// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRedis
import ACPStorage
import Foundation
import RedisClient
import RedisTestSupport

// Measures RedisStorage against a redis-server of its own: commits per second, the cost of appending as a run grows, and the
// cost of listing as runs become many. Usage: RedisStorageBench [runs to list at most, 1000000 unless said otherwise]

let most = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
let server = try await RedisTestServer.start()
let client = try RedisClient(url: server.url)
let storage = try RedisStorage(url: server.url)

func part(_ number: Int) -> Event { .messagePart(.text("This is part \(number) of a message of usual length.")) }

struct Writer {
    var run: Run
    let owner = RunOwner(process: ProcessID())
    var count = 0

    static func create(agent: AgentName) async throws -> Writer {
        var writer = Writer(run: Run(agentName: agent, sessionID: SessionID()))
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

/// Seconds as text.
func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

func median(_ durations: [Duration]) -> Double {
    let sorted = durations.sorted()
    return sorted.isEmpty ? 0 : seconds(sorted[sorted.count / 2]) * 1e6
}

func line(_ what: String, _ figure: String) {
    print(what.padding(toLength: 52, withPad: " ", startingAt: 0) + figure)
}

// MARK: Commits per second

for runs in [1, 64] {
    let commits = 20_000 / runs
    let event = try EncodedEvent(part(1))
    var writers: [Writer] = []
    for _ in 0..<runs { writers.append(try await Writer.create(agent: "commits")) }
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in writers {
            group.addTask {
                var writer = writer
                for _ in 0..<commits { try await writer.commit([event]) }
            }
        }
        try await group.waitForAll()
    }
    let rate = Double(commits * runs) / seconds(.now - start)
    line("commits of one event, \(runs) run\(runs == 1 ? "" : "s") at once", "\(Int(rate)) per second")
}
try await storage.removeAll()

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
    let thousand = try (0..<1_000).map { try EncodedEvent(part($0)) }
    var warm = try await Writer.create(agent: "appends")
    _ = try await appendTime(&warm)
    var long = try await Writer.create(agent: "appends")
    for _ in 0..<100 { try await long.commit(thousand) }
    var early: [Double] = []
    var late: [Double] = []
    // In turns, so that what else the machine does falls on both.
    for _ in 0..<5 {
        var fresh = try await Writer.create(agent: "appends")
        try await fresh.commit(Array(thousand.prefix(9)))
        early.append(try await appendTime(&fresh))
        late.append(try await appendTime(&long))
    }
    line("append after event 10 (median)", String(format: "%.0f microseconds", early.sorted()[2]))
    line("append after event 100,000 (median)", String(format: "%.0f microseconds", late.sorted()[2]))
    line("  ratio", String(format: "%.2f", late.sorted()[2] / early.sorted()[2]))
    try await storage.removeAll()
}

try await measureAppends()

// MARK: Listing

/// Fills in runs as the storage stores them, with raw commands: a million commits would take their time.
func fill(from first: Int, to last: Int) async throws {
    let expiry = Int((Date().timeIntervalSince1970 + 86_400) * 1_000)
    for start in stride(from: first, to: last, by: 2_000) {
        var commands: [RedisCommand] = []
        var scores: [RedisArgument] = []
        var queue: [RedisArgument] = []
        for number in start..<min(start + 2_000, last) {
            let run = Run(
                id: try RunID(validating: "run-\(number)"), agentName: "lists", status: .completed,
                output: [Message("An answer of usual length, as agents give it.", role: .agent("lists"))],
                createdAt: Timestamp(microseconds: 1_700_000_000_000_000 + Int64(number)))
            let json = try ACPJSON.encode(run).dropLast() + Array(#","_events":0}"#.utf8)
            commands.append(RedisCommand("SET", "acp:run:\(run.id)", Array(json), "PX", 86_400_000))
            scores += [RedisArgument(Int(run.createdAt.microseconds)), RedisArgument(run.id.rawValue)]
            queue += [RedisArgument(expiry), RedisArgument("\(run.id) lists")]
        }
        commands.append(RedisCommand("ZADD", arguments: ["acp:agent_runs:lists"] + scores))
        commands.append(RedisCommand("ZADD", arguments: ["acp:runs"] + scores))
        commands.append(RedisCommand("ZADD", arguments: ["acp:runs_expiry"] + queue))
        for result in try await client.pipeline(commands, timeout: .seconds(60)) { _ = try result.get() }
    }
}

var filled = 0
var first = 0.0
for count in [1_000, 50_000, 1_000_000] where count <= most {
    try await fill(from: filled, to: count)
    filled = count
    let query = RunQuery(.agent("lists"), limit: 10)
    var times: [Duration] = []
    for _ in 0..<1_000 {
        let start = ContinuousClock.now
        let page = try await storage.runs(query)
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

await storage.close()
await client.close()
server.stop()
