// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Measures streams: their rate, the time to the first event, and the cost of one more part.
func measureStreams(in bench: BenchSession) async throws -> Section {
    var section = Section("Streams")
    try await measureRates(in: bench, &section)
    try await measureGrowth(in: bench, &section)
    return section
}

// MARK: - Events per second

/// The other events of a run: created, in progress, a message begun and completed, the run completed.
private let frame = 5

private func measureRates(in bench: BenchSession, _ section: inout Section) async throws {
    let one = bench.pick(20_000, quick: 5_000)
    let many = bench.pick(2_000, quick: 500)
    let rounds = bench.roundCount
    var backings: [Backing] = []
    var servers: [(storage: StorageKind, process: ServerProcess)] = []
    defer {
        servers.forEach { $0.process.stop() }
        backings.forEach { $0.stop() }
    }
    for storage in StorageKind.allCases {
        let backing = try await Backing.start(storage, in: bench.folder)
        backings.append(backing)
        servers.append((storage, try await bench.server(backing.form)))
    }
    var single: [StorageKind: Series] = [:]
    var streamed: [StorageKind: Series] = [:]
    var synced: [StorageKind: Series] = [:]
    var first: [StorageKind: Series] = [:]
    for round in 0...rounds {
        for (storage, process) in servers {
            let call = RawCall(port: process.port, on: bench.group)
            let alone = try await rate(runs: 1, parts: one, mode: "stream", call)
            let followed = try await rate(runs: 64, parts: many, mode: "stream", call)
            let unfollowed = try await rate(runs: 64, parts: many, mode: "sync", call)
            // The first round is a warm-up.
            guard round > 0 else { continue }
            single[storage, default: Series()].add(alone)
            streamed[storage, default: Series()].add(followed)
            synced[storage, default: Series()].add(unfollowed)
            for _ in 0..<bench.pick(200, quick: 50) {
                let outcome = try await call.run("parts", 1)
                first[storage, default: Series()].add(outcome.firstEvent?.inSeconds ?? .nan)
            }
            bench.progress(
                "stream, round \(round) of \(rounds), \(storage.title): \(Figure.whole(alone)) events per second of one run, "
                    + "\(Figure.whole(followed)) of 64, \(Figure.whole(unfollowed)) of 64 without streaming")
        }
    }
    section.note(
        """
        An agent that yields parts at full speed: events per second of one run of \(Figure.whole(Double(one))) parts, \
        and \
        of 64 runs at once of \(Figure.whole(Double(many))) parts each, streamed to one client per run, or called in \
        sync mode, \
        so that the events are committed but not streamed. Time to the first event: from the request, on a new connection.
        """)
    var table = Table([
        "storage", "one run", "64 runs", "64 runs, sync", "first event, half of the runs within", "99 of 100 within",
    ])
    for storage in StorageKind.allCases {
        let first = first[storage] ?? Series()
        table.add([
            storage.title, single[storage]?.text(Figure.whole) ?? "–", streamed[storage]?.text(Figure.whole) ?? "–",
            synced[storage]?.text(Figure.whole) ?? "–", Figure.time(first.median), Figure.time(first.percentile(0.99)),
        ])
    }
    try await addSDKRates(in: bench, to: &table)
    section.add(table)
    let committed = streamed[.redis] ?? Series()
    section.aim(
        "events committed per second on Redis, 64 streaming runs", "300,000 or more on 2 processors",
        measured: committed.text(Figure.whole), isReached: committed.median >= 300_000)
}

/// Adds the Python SDK to the table, with shorter runs: its cost grows with the square of a run's length.
private func addSDKRates(in bench: BenchSession, to table: inout Table) async throws {
    for storage in [StorageKind.memory, .redis] {
        let backing = try await Backing.start(storage, in: bench.folder)
        defer { backing.stop() }
        guard let server = try await bench.sdkServer(backing.form) else { continue }
        defer { server.stop() }
        let call = RawCall(port: server.port, on: bench.group)
        var first = Series()
        for _ in 0..<bench.pick(100, quick: 30) {
            first.add(try await call.run("parts", 1).firstEvent?.inSeconds ?? .nan)
        }
        let rate = try await rate(runs: 1, parts: 200, mode: "stream", call)
        table.add([
            "Python SDK, \(storage.title) (one run of 200 parts)", Figure.whole(rate), "–", "–",
            Figure.time(first.median), Figure.time(first.percentile(0.99)),
        ])
        bench.progress("stream, the Python SDK, \(storage.title): \(Figure.whole(rate)) events per second")
    }
}

/// Returns the events per second of several concurrent runs.
private func rate(runs: Int, parts: Int, mode: String, _ call: RawCall) async throws -> Double {
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: RawCall.Outcome.self) { group in
        for _ in 0..<runs { group.addTask { try await call.run("parts", parts, mode: mode) } }
        for try await outcome in group where mode == "stream" && outcome.events < parts + frame {
            throw BenchError("a stream had \(outcome.events) events, and not \(parts + frame)")
        }
    }
    return Double(runs * (parts + frame)) / start.duration(to: .now).inSeconds
}

// MARK: - One more part

private struct Growth {
    /// Seconds, and bytes sent to Redis, per part.
    var time = Series()
    var bytes = Series()
}

private func measureGrowth(in bench: BenchSession, _ section: inout Section) async throws {
    let sizes = [10, 100, 1_000, 10_000]
    var ours: [String: [Int: Growth]] = [:]
    var theirs: [String: [Int: Growth]] = [:]
    let agents = ["parts", "messages"]

    let backing = try await Backing.start(.redis, in: bench.folder)
    let server = try await bench.server(backing.form)
    defer {
        server.stop()
        backing.stop()
    }
    let meter = try RedisMeter(backing)
    for round in 0...bench.roundCount {
        for agent in agents {
            for size in sizes {
                let times = max(1, min(100, bench.pick(10_000, quick: 5_000) / size))
                let growth = try await grow(
                    agent, size, times: times, RawCall(port: server.port, on: bench.group), meter)
                guard round > 0 else { continue }
                ours[agent, default: [:]][size, default: Growth()].time.add(growth.time)
                ours[agent, default: [:]][size, default: Growth()].bytes.add(growth.bytes)
            }
        }
        bench.progress("stream, runs of 10 to 10,000 parts and messages on Redis, round \(round)")
    }
    await meter.close()

    if bench.python != nil {
        let backing = try await Backing.start(.redis, in: bench.folder)
        defer { backing.stop() }
        if let server = try await bench.sdkServer(backing.form) {
            defer { server.stop() }
            let meter = try RedisMeter(backing)
            let call = RawCall(port: server.port, on: bench.group)
            _ = try await grow("parts", 10, times: 3, call, meter)
            for agent in agents {
                // The cost grows with the square: 1,000 messages would take many minutes.
                for size in [10, 100] + (agent == "parts" ? bench.pick([1_000], quick: []) : []) {
                    let growth = try await grow(agent, size, times: max(1, 100 / size), call, meter)
                    theirs[agent, default: [:]][size, default: Growth()].time.add(growth.time)
                    theirs[agent, default: [:]][size, default: Growth()].bytes.add(growth.bytes)
                    bench.progress("stream, the Python SDK, \(size) \(agent): \(Figure.time(growth.time)) each")
                }
            }
            await meter.close()
        }
    }

    section.note(
        """
        The cost of one part, by the number of parts of the run, on Redis: the time from the request to the end of \
        the stream, and the bytes that Redis received (its own count), each divided by the number of parts. \
        Likewise for whole messages. The cost of the Python SDK grows with the square of the run's length: it is \
        measured with short runs only.
        """)
    for agent in agents {
        let what = agent == "parts" ? "part" : "message"
        var table = Table([
            "\(agent) in the run", "time per \(what)", "bytes to Redis per \(what)", "Python SDK: time",
            "Python SDK: bytes",
            "times faster", "times fewer bytes",
        ])
        for size in sizes {
            guard let our = ours[agent]?[size] else { continue }
            let their = theirs[agent]?[size]
            table.add([
                Figure.whole(Double(size)), our.time.text(Figure.time), Figure.whole(our.bytes.median),
                their.map { Figure.time($0.time.median) } ?? "–", their.map { Figure.whole($0.bytes.median) } ?? "–",
                their.map { Figure.ratio($0.time.median / our.time.median) } ?? "–",
                their.map { Figure.ratio($0.bytes.median / our.bytes.median) } ?? "–",
            ])
        }
        section.add(table)
        guard let short = ours[agent]?[100], let long = ours[agent]?[10_000] else { continue }
        let time = long.time.over(short.time)
        let bytes = long.bytes.over(short.bytes)
        section.aim(
            "time per \(what), at 10,000 against 100", "no more than 1.2", measured: time.text(Figure.ratio),
            isReached: time.value <= 1.2)
        section.aim(
            "bytes sent to Redis per \(what), at 10,000 against 100", "no more than 1.2",
            measured: bytes.text(Figure.ratio), isReached: bytes.value <= 1.2)
    }
    if bench.python == nil { section.note(BenchSession.withoutPython) }
}

/// Returns the median time, and the mean number of bytes, per part of a run.
private func grow(
    _ agent: String, _ size: Int, times: Int, _ call: RawCall, _ meter: RedisMeter
) async throws -> (time: Double, bytes: Double) {
    var series = Series()
    let before = try await meter.bytes()
    for _ in 0..<times {
        let outcome = try await call.run(agent, size)
        guard outcome.events >= size else {
            throw BenchError("a stream had \(outcome.events) events, and not \(size) and more")
        }
        series.add(outcome.whole.inSeconds / Double(size))
    }
    let bytes = try await meter.bytes() - before
    return (series.median, Double(bytes) / Double(times * size))
}
