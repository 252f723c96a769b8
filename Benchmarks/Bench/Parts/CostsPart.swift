// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import Foundation

/// Measures what a run, an event, a follower, an awaiting run and an idle process cost on each storage: the table of the
/// cost model.
func measureCosts(in bench: BenchSession) async throws -> Section {
    var costs = CostTable()
    for subject in CostSubject.allCases {
        try await measureWork(subject, in: bench, &costs)
        try await measureFollowers(subject, in: bench, &costs)
        try await measureStandby(subject, in: bench, &costs)
        bench.progress("costs, \(subject.title): measured")
    }
    var section = Section("Costs")
    section.note(
        """
        Differences of counters before and after many runs, divided by their number: counts are the same on a busy \
        machine, processor times nearly so. The processor times are those of the server process, and of the processes of \
        Redis or PostgreSQL; that of SQLite is part of the server's.
        """)
    section.add(costs.table())
    return section
}

/// Callers of one server.
private struct Load {
    let client: ACPClient
    let callers = 16

    init(_ server: ServerProcess) throws { client = try ACPClient("http://127.0.0.1:\(server.port)") }

    /// Executes runs, each to its end or to its question.
    func run(_ agent: AgentName, _ input: String, times: Int) async throws {
        try await repeatCall(times) {
            let run = try await client.run(agent: agent, input: input)
            guard run.status == .completed || run.status == .awaiting else {
                throw BenchError("a run of \(agent) is \(run.status): \(run.error?.message ?? "")")
            }
        }
    }

    /// Starts runs, and returns their ids.
    func start(_ agent: AgentName, _ input: String, times: Int) async throws -> [String] {
        var ids: [String] = []
        for _ in 0..<times { ids.append(try await client.start(agent: agent, input: input).id.rawValue) }
        return ids
    }

    private func repeatCall(_ times: Int, _ call: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    for _ in stride(from: caller, to: times, by: callers) { try await call() }
                }
            }
            try await group.waitForAll()
        }
    }
}

// MARK: - Runs and events

/// Measures runs, events that are committed one by one, and events that gather.
private func measureWork(_ subject: CostSubject, in bench: BenchSession, _ costs: inout CostTable) async throws {
    let backing = try await subject.start(in: bench.folder)
    let server = try await bench.server(backing.form)
    defer {
        server.stop()
        backing.stop()
    }
    let load = try Load(server)
    let meter = CostMeter(server: server, backing: backing)
    try await load.run("echo", "Hello there, world", times: 200)
    try await load.run("parts", "100", times: 16)

    func measure(_ agent: AgentName, _ input: String, times: Int) async throws -> Usage {
        let before = try await meter.read()
        try await load.run(agent, input, times: times)
        return (try await meter.read() - before) / Double(times)
    }
    let run = try await measure("echo", "Hello there, world", times: bench.pick(3_000, quick: 500))
    costs.set("run", subject, run)

    // A pause between the parts, so that each is committed by itself.
    let (parts, size, larger) = (100, 50, 1_050)
    let times = bench.pick(64, quick: 32)
    let alone = (try await measure("parts", "\(parts) \(size) 5", times: times) - run) / Double(parts - 1)
    costs.set("event", subject, alone)
    let large = (try await measure("parts", "\(parts) \(larger) 5", times: times) - run) / Double(parts - 1)
    let perByte = (large - alone) / Double(larger - size)
    for (name, resource) in [("written to", Usage.Resource.sent), ("kept in", .kept)] {
        costs.set("byte of a part: \(name) the storage", "bytes", subject, perByte[resource])
    }
    let many = bench.pick(2_000, quick: 1_000)
    let gathered = (try await measure("parts", "\(many) \(size)", times: 16) - run) / Double(many - 1)
    costs.set("event that gathers with others", subject, gathered)
    if subject == .cluster {
        let count = bench.pick(2_000, quick: 300)
        let model = try await ShardModel.observe(count, on: backing, in: bench) {
            try await load.run("echo", "Hello there, world", times: count)
        }
        costs.set("run: commands that one master gets", "", subject, try await model.busiestSlot(on: backing))
    }
    try await load.client.close()
}

// MARK: - Followers

/// Measures the delivery of events to followers, in the process that executes the run and in another one.
private func measureFollowers(_ subject: CostSubject, in bench: BenchSession, _ costs: inout CostTable) async throws {
    let backing = try await subject.start(in: bench.folder)
    var servers = [try await bench.server(backing.form)]
    defer {
        servers.forEach { $0.stop() }
        backing.stop()
    }
    if subject.isShared { servers.append(try await bench.server(backing.form)) }
    let load = try Load(servers[0])
    let (runs, parts, followers) = (8, 100, bench.pick(32, quick: 16))

    /// Executes runs with followers of each, and returns what their process and the storage have used.
    func measure(_ count: Int, at follower: ServerProcess) async throws -> Usage {
        let meter = CostMeter(server: follower, backing: backing)
        let before = try await meter.read()
        let ids = try await load.start("parts", "\(parts) 50 20", times: runs)
        let call = RawCall(port: follower.port, on: bench.group)
        try await withThrowingTaskGroup(of: RawCall.Outcome.self) { group in
            for id in ids { for _ in 0..<count { group.addTask { try await call.follow(id) } } }
            for try await outcome in group where outcome.events < parts {
                throw BenchError("a follower has received \(outcome.events) events of \(parts)")
            }
        }
        for id in ids {
            let run = try await load.client.wait(for: try RunID(validating: id), until: .terminal)
            guard run.status == .completed else { throw BenchError("a followed run is \(run.status)") }
        }
        return try await meter.read() - before
    }

    // The tables and the first requests are not those of followers.
    try await load.run("echo", "Hello", times: 10)
    _ = try await measure(1, at: servers[0])
    for (name, server) in zip(["in the process of the run", "in another process"], servers) {
        if server.pid != servers[0].pid { _ = try await measure(1, at: server) }
        let few = try await measure(1, at: server)
        let many = try await measure(1 + followers, at: server)
        // The requests of the followers are part of it.
        let usage = (many - few) / Double(runs * followers * parts)
        costs.set(
            "event to a follower \(name): processor time of the server", "µs", subject,
            usage[.serverTime].map { $0 * 1e6 })
        guard server.pid != servers[0].pid else { continue }
        costs.set(
            "event to a follower \(name): processor time of the storage", "µs", subject,
            usage[.storageTime].map { $0 * 1e6 })
        costs.set("event to a follower \(name): commands of the storage", "", subject, usage[.commands])
        costs.set("event to a follower \(name): read from the storage", "bytes", subject, usage[.received])
    }
    try await load.client.close()
}

// MARK: - What waits

/// Measures what waits: an idle process, followers without events, active runs, and runs that await an answer.
private func measureStandby(_ subject: CostSubject, in bench: BenchSession, _ costs: inout CostTable) async throws {
    let backing = try await subject.start(in: bench.folder)
    let server = try await bench.server(backing.form)
    defer {
        server.stop()
        backing.stop()
    }
    let load = try Load(server)
    let meter = CostMeter(server: server, backing: backing)
    try await load.run("echo", "Hello", times: 50)
    costs.set("idle process: memory", "MiB", subject, try server.memory() / 1_024)

    /// Returns the commands of the storage per second while nothing is asked of the server.
    func commandsPerSecond(for seconds: Double) async throws -> Double? {
        let start = ContinuousClock.now
        let before = try await meter.read()
        try await Task.sleep(for: .seconds(seconds))
        return (try await meter.read() - before)[.commands].map { $0 / start.duration(to: .now).inSeconds }
    }
    let idle = try await commandsPerSecond(for: bench.pick(15, quick: 5))
    costs.set("idle process: commands of the storage per second", "", subject, idle)

    let count = bench.pick(2_000, quick: 500)
    // Fewer than a process may execute at the same time.
    let active = bench.pick(900, quick: 500)
    var runs: [String] = []
    costs.set(
        "active run: memory", "KiB", subject,
        try await server.growth(over: active) {
            runs = try await load.start("silent", "Hello", times: active)
        })
    var followers: Followers?
    costs.set(
        "idle follower: memory", "KiB", subject,
        try await server.growth(over: count) {
            followers = try await Followers.open(
                count, of: Array(runs.prefix(100)), port: server.port, on: bench.group)
        })
    try await followers?.close()

    let before = try await meter.read()
    let memory = try await server.growth(over: count) { try await load.run("asker", "Hello", times: count) }
    costs.set("awaiting run: memory", "KiB", subject, memory)
    let usage = (try await meter.read() - before) / Double(count)
    costs.set("awaiting run: kept in the storage", "bytes", subject, subject == .memory ? nil : usage[.kept])
    if let idle, subject.isShared {
        // Longer than the interval in which a storage checks all unfinished runs.
        let later = try await commandsPerSecond(for: bench.pick(65, quick: 10))
        costs.set(
            "unfinished run: commands of the storage per second", "", subject,
            later.map { ($0 - idle) / Double(active + count) })
    }
    try await load.client.close()
}

extension ServerProcess {
    /// Returns how much the memory of the process grows for each of several things, in KiB.
    fileprivate func growth(over count: Int, _ body: () async throws -> Void) async throws -> Double {
        let before = try memory()
        try await body()
        return (try memory() - before) / Double(count)
    }
}
