// SPDX-License-Identifier: Apache-2.0

/// Several server processes on one Redis.
func measureProcesses(in bench: BenchSession) async throws -> Section {
    let wrk = try Wrk(folder: bench.folder)
    let counts = [1, 2, 4]
    let backing = try await Backing.start(.redis, in: bench.folder)
    var servers: [ServerProcess] = []
    defer {
        servers.forEach { $0.stop() }
        backing.stop()
    }
    for _ in 0..<(counts.max() ?? 1) { servers.append(try await bench.server(backing.form)) }
    let ports = servers.map(\.port)
    _ = try wrk.load(ports: ports, connections: 64, seconds: 1)

    let rounds = bench.roundCount
    var rates: [Int: Series] = [:]
    var tails: [Int: Series] = [:]
    for round in 1...rounds {
        for count in counts {
            // One process is named twice, so that as many threads of wrk call it.
            let called = count == 1 ? [ports[0], ports[0]] : Array(ports.prefix(count))
            let figures = try wrk.load(ports: called, connections: 64, seconds: bench.pick(4, quick: 2))
            rates[count, default: Series()].add(figures.rate)
            tails[count, default: Series()].add(figures.p99)
            bench.progress(
                "processes, round \(round) of \(rounds), \(count): \(Figure.whole(figures.rate)) runs per second")
        }
    }

    var section = Section("Several server processes on one Redis")
    section.note(
        """
        Sync echo runs per second over 64 connections, which wrk distributes among the processes in turn. All \
        processes, Redis and wrk \
        share the processors of one machine: if one process and Redis keep them busy already, this shows the cost \
        of further processes on the same machine, and not their gain on machines of their own.
        """)
    var table = Table(["processes", "runs per second", "of one process", "99 of 100 responses within"])
    for count in counts {
        guard let rate = rates[count], let one = rates[1] else { continue }
        table.add([
            "\(count)", rate.text(Figure.whole), rate.over(one).text(Figure.ratio),
            Figure.time(tails[count]?.median ?? .nan),
        ])
    }
    section.add(table)
    return section
}
