// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import BenchSupport

/// Measures the storages without a server: commits, reads, listings, and appending to a long run.
func measureStorages(in bench: BenchSession) async throws -> Section {
    var section = Section("The storages by themselves")
    section.note(
        """
        Commits of one event each, by one run and by 64 at once; reading a run; the newest ten of 1,000 runs; a \
        commit to a \
        run of 10 events, and to one of 100,000. Every storage with its defaults. A commit of SQLite and PostgreSQL \
        waits for \
        the disk, one of Redis for what its persistence requires (nothing, here).
        """)
    var table = Table([
        "storage", "commits per second, one run", "64 runs at once", "read a run", "newest ten of 1,000 runs",
        "commit after 10 events", "after 100,000",
    ])
    let seconds = bench.pick(2.0, quick: 1)
    for kind in StorageKind.allCases {
        let backing = try await Backing.start(kind, in: bench.folder)
        defer { backing.stop() }
        let storage = try openStorage(backing.form, runLimit: 100_000)
        _ = try await commitsPerSecond(on: storage, runs: 4, seconds: 0.3)
        var comparison = try backing.postgres.map { try PgBenchComparison($0, in: bench) }
        var one = Series()
        var many = Series()
        for round in 1...bench.roundCount {
            one.add(try await commitsPerSecond(on: storage, runs: 1, seconds: seconds))
            let rate = try await commitsPerSecond(on: storage, runs: 64, seconds: seconds)
            many.add(rate)
            try comparison?.measure(seconds: seconds)
            bench.progress(
                "storages, round \(round) of \(bench.roundCount), \(kind.title): \(Figure.whole(rate)) commits per second "
                    + "of 64 runs")
        }
        let (read, page) = try await readTimes(on: storage)
        let (early, late) = try await appendTimes(on: storage)
        try await storage.close()
        table.add([
            kind.title, one.text(Figure.whole), many.text(Figure.whole), Figure.time(read), Figure.time(page),
            Figure.time(early), Figure.time(late),
        ])
        comparison?.report(many, in: &section)
    }
    section.add(table)
    return section
}

/// The commits of PostgreSQL beside the rows that `pgbench` inserts on the same server, measured in turns.
private struct PgBenchComparison {
    private var program: PgBench
    private let server: PostgresTestServer
    private let connections = 64
    private var rows: Int?
    private var single = Series()
    private var grouped = Series()

    init(_ server: PostgresTestServer, in bench: BenchSession) throws {
        self.server = server
        program = try PgBench(server, folder: bench.folder)
    }

    /// Measures both for this round. To be called after the storage has been measured for the first time.
    mutating func measure(seconds: Double) throws {
        let rows = try self.rows ?? server.commitsPerTransaction()
        self.rows = rows
        single.add(try program.rowsPerSecond(inTransactionsOf: 1, connections: connections, seconds: seconds))
        grouped.add(try program.rowsPerSecond(inTransactionsOf: rows, connections: connections, seconds: seconds))
    }

    func report(_ commits: Series, in section: inout Section) {
        let rows = rows ?? 1
        section.note(
            """
            PostgreSQL beside `pgbench -c \(connections)` on the same server in turns: rows inserted per second into a \
            table with a primary key, one in each transaction, and \(rows) in each, as many as the storage's \
            transactions contained commits on average. A commit of the storage does more than such a row: it checks \
            the owner and the number of events, changes the run, and notifies.
            """)
        var table = Table(["64 at once", "rows or commits per second", "commits of the storage against it"])
        table.add(["commits of the storage", commits.text(Figure.whole), "1.00"])
        for (title, series) in [("one row", single), ("\(rows) rows", grouped)] {
            table.add([
                "pgbench, \(title) in each transaction", series.text(Figure.whole),
                commits.over(series).text(Figure.ratio),
            ])
        }
        section.add(table)
        let ratio = commits.over(single)
        section.aim(
            "commits per second on PostgreSQL, 64 runs at once, against `pgbench -c \(connections)` with one row each",
            "1.00 or more", measured: ratio.text(Figure.ratio), isReached: ratio.value >= 1)
    }
}

/// A run that is being written.
private struct Writer {
    private let storage: any Storage
    let run: Run
    private let owner = RunOwner(process: ProcessID())
    private(set) var count = 0

    init(on storage: any Storage) async throws {
        self.storage = storage
        run = Run(agentName: "bench", sessionID: SessionID())
        try await storage.commit(
            RunCommit(
                run: run.id, expecting: 0, events: [EncodedEvent(.runCreated(run))],
                snapshot: RunSnapshot(run, eventCount: 1), owner: owner, input: Encoded(["hello"], as: "the input")))
        count = 1
    }

    mutating func commit(_ events: [EncodedEvent]) async throws {
        try await storage.commit(
            RunCommit(run: run.id, expecting: count, events: events, snapshot: nil, owner: owner))
        count += events.count
    }

    static func part() throws -> EncodedEvent {
        try EncodedEvent(.messagePart(.text("This is a part of a message of usual length.")))
    }
}

/// The number of events of a run in memory before the next run begins: with 64 runs of any length, it would soon be full.
private let lengthInMemory = 5_000

private func commitsPerSecond(on storage: any Storage, runs: Int, seconds: Double) async throws -> Double {
    let event = try Writer.part()
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<runs {
            group.addTask {
                var writer = try await Writer(on: storage)
                var total = 0
                while .now < end {
                    try await writer.commit([event])
                    total += 1
                    if !storage.capabilities.isDurable, writer.count > lengthInMemory {
                        try await storage.deleteRun(writer.run.id)
                        writer = try await Writer(on: storage)
                    }
                }
                return total
            }
        }
        return try await group.reduce(0, +)
    }
    return Double(total) / start.duration(to: .now).inSeconds
}

/// Returns the median times of reading a run and a page of runs.
private func readTimes(on storage: any Storage) async throws -> (run: Double, page: Double) {
    let run = Run(agentName: "reads", sessionID: "reads", output: [Message("An answer of usual length.")])
    try await storage.save(run)
    for _ in 0..<999 { try await storage.save(Run(agentName: "reads", status: .completed)) }
    var reads = Series()
    var pages = Series()
    for _ in 0..<500 {
        let start = ContinuousClock.now
        _ = try await storage.record(of: run.id)
        let between = ContinuousClock.now
        _ = try await storage.runs(RunQuery(.agent("reads"), limit: 10))
        reads.add(start.duration(to: between).inSeconds)
        pages.add(between.duration(to: .now).inSeconds)
    }
    return (reads.median, pages.median)
}

/// Returns the median times of a commit to a short run and to a long one, measured in turns.
private func appendTimes(on storage: any Storage) async throws -> (early: Double, late: Double) {
    let event = try Writer.part()
    let thousand = Array(repeating: event, count: 1_000)
    var long = try await Writer(on: storage)
    for _ in 0..<100 { try await long.commit(thousand) }
    var early = Series()
    var late = Series()
    for _ in 0..<10 {
        var short = try await Writer(on: storage)
        try await short.commit(Array(repeating: event, count: 9))
        for _ in 0..<50 {
            let start = ContinuousClock.now
            try await short.commit([event])
            let between = ContinuousClock.now
            try await long.commit([event])
            early.add(start.duration(to: between).inSeconds)
            late.add(between.duration(to: .now).inSeconds)
        }
    }
    return (early.median, late.median)
}
