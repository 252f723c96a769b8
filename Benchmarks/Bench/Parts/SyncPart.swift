// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The compared servers of sync runs.
private enum Contestant: Hashable {
    case bare
    case server(StorageKind)
    case sdk(StorageKind)

    var title: String {
        switch self {
        case .bare: "bare Hummingbird route"
        case .server(let storage): "SimpleACP, \(storage.title)"
        case .sdk(let storage): "Python SDK, \(storage.title)"
        }
    }

    static let all: [Contestant] =
        [.bare] + StorageKind.allCases.map(Contestant.server) + [.sdk(.memory), .sdk(.redis)]
}

/// Sync runs of an agent that echoes one message, over 1, 16 and 64 connections.
func measureSync(in bench: BenchSession) async throws -> Section {
    let wrk = try Wrk(folder: bench.folder)
    let counts = [1, 16, 64]
    var backings: [Backing] = []
    var servers: [Contestant: ServerProcess] = [:]
    defer {
        servers.values.forEach { $0.stop() }
        backings.forEach { $0.stop() }
    }
    for contestant in Contestant.all {
        switch contestant {
        case .bare:
            servers[contestant] = try await bench.bareServer()
        case .server(let storage):
            let backing = try await Backing.start(storage, in: bench.folder)
            backings.append(backing)
            servers[contestant] = try await bench.server(backing.form)
        case .sdk(let storage):
            let backing = try await Backing.start(storage, in: bench.folder)
            backings.append(backing)
            servers[contestant] = try await bench.sdkServer(backing.form)
        }
    }

    // All of them in each round, so that other load on the machine affects all alike.
    var rates: [Contestant: [Int: Series]] = [:]
    var halves: [Contestant: [Int: Series]] = [:]
    var tails: [Contestant: [Int: Series]] = [:]
    var work: [Contestant: Series] = [:]
    let rounds = bench.roundCount
    for contestant in Contestant.all {
        guard let server = servers[contestant] else { continue }
        _ = try wrk.load(ports: [server.port], connections: 16, seconds: 1)
    }
    for round in 1...rounds {
        for count in counts {
            for contestant in Contestant.all {
                guard let server = servers[contestant] else { continue }
                let before = server.processorTime()
                let figures = try wrk.load(
                    ports: [server.port], connections: count, seconds: bench.pick(3, quick: 2))
                rates[contestant, default: [:]][count, default: Series()].add(figures.rate)
                halves[contestant, default: [:]][count, default: Series()].add(figures.p50)
                tails[contestant, default: [:]][count, default: Series()].add(figures.p99)
                if count == counts.last, let before, let after = server.processorTime() {
                    work[contestant, default: Series()].add((after - before) / figures.count)
                }
                bench.progress(
                    "sync, round \(round) of \(rounds), \(count) connections, \(contestant.title): "
                        + "\(Figure.whole(figures.rate)) runs per second")
            }
        }
    }

    var section = Section("Sync runs")
    section.note(
        """
        An agent that echoes one message, called by wrk; \(bench.rounds(rounds)) of all in turn, medians \
        (lowest–highest). \
        Processor time is that of the server process alone, without Redis or PostgreSQL.
        """)
    var table = Table(
        ["runs per second at"] + counts.map { "\($0) connection\($0 == 1 ? "" : "s")" } + [
            "of the bare route at 64", "processor time per run at 64",
        ])
    var times = Table(
        ["half of the responses, and 99 of 100, within"] + counts.map { "\($0) connection\($0 == 1 ? "" : "s")" })
    func series(_ contestant: Contestant, _ count: Int) -> Series { rates[contestant]?[count] ?? Series() }
    for contestant in Contestant.all where servers[contestant] != nil {
        let ratio = series(contestant, 64).over(series(.bare, 64))
        table.add(
            [contestant.title] + counts.map { series(contestant, $0).text(Figure.whole) } + [
                ratio.text(Figure.ratio), work[contestant]?.text(Figure.time) ?? "–",
            ])
        times.add(
            [contestant.title]
                + counts.map { count in
                    let half = halves[contestant]?[count]?.median ?? .nan
                    let tail = tails[contestant]?[count]?.median ?? .nan
                    return "\(Figure.time(half)), \(Figure.time(tail))"
                })
    }
    section.add(table)
    section.add(times)

    let redis = series(.server(.redis), 64)
    if bench.python == nil {
        section.note(BenchSession.withoutPython)
    } else {
        let times = redis.over(series(.sdk(.redis), 64))
        section.aim(
            "sync echo runs on Redis, 64 connections, against the Python SDK on Redis", "60 times or more",
            measured: times.text(Figure.ratio), isReached: times.value >= 60)
    }
    for (storage, aim) in [(StorageKind.redis, 0.35), (.memory, 0.75), (.sqlite, 0.25), (.postgres, 0.15)] {
        let ratio = series(.server(storage), 64).over(series(.bare, 64))
        section.aim(
            "sync echo runs on \(storage.title), 64 connections, against the bare route",
            "\(Figure.ratio(aim)) or more", measured: ratio.text(Figure.ratio), isReached: ratio.value >= aim)
    }
    func half(_ contestant: Contestant) -> Series { halves[contestant]?[1] ?? Series() }
    for (storage, aim) in [(StorageKind.redis, 2.5), (.postgres, 5)] {
        let ratio = half(.server(storage)).over(half(.bare))
        section.aim(
            "time of a sync echo run on \(storage.title), one connection, against the bare route",
            "no more than \(Figure.decimal(aim, 1))", measured: ratio.text(Figure.ratio), isReached: ratio.value <= aim)
    }
    return section
}
