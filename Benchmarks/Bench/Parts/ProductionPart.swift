// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A sync echo run with what servers in production have, against a server without it.
func measureProduction(in bench: BenchSession) async throws -> Section {
    let variants: [(name: String, subjects: [String])] = [
        ("none of these", []), ("principals, with isolation", ["principals"]), ("metrics", ["metrics"]),
        ("a line of JSON for each request", ["log"]), ("all of these", ["principals", "metrics", "log"]),
    ]
    let connections = 64
    let rounds = bench.roundCount
    var section = Section("Principals, metrics and logs")
    section.note(
        """
        The sync echo run with memory storage and \(connections) connections; \(bench.rounds(rounds)) of all in turn, medians \
        (lowest–highest). The servers write their log to a file. Compared are throughput and processor time per run.
        """)
    let wrk = try Wrk(folder: bench.folder)
    var rates: [Series] = variants.map { _ in Series() }
    var work: [Series] = variants.map { _ in Series() }
    for round in 1...rounds {
        for (index, variant) in variants.enumerated() {
            let server = try await bench.server(StorageKind.memory.rawValue, variant.subjects)
            defer { server.stop() }
            _ = try wrk.load(ports: [server.port], connections: 16, seconds: 1)
            let before = server.processorTime()
            let figures = try wrk.load(
                ports: [server.port], connections: connections, seconds: bench.pick(4, quick: 2))
            rates[index].add(figures.rate)
            if let before, let after = server.processorTime() { work[index].add((after - before) / figures.count) }
            bench.progress(
                "production, round \(round) of \(rounds), \(variant.name): \(Figure.whole(figures.rate)) runs per second"
            )
        }
    }
    var table = Table(["with", "runs per second", "of none", "processor time per run", "processor time against none"])
    for (index, variant) in variants.enumerated() {
        table.add([
            variant.name, rates[index].text(Figure.whole), rates[index].over(rates[0]).text(Figure.ratio),
            work[index].text(Figure.time), work[index].over(work[0]).text(Figure.ratio),
        ])
    }
    let ratio = rates[variants.count - 1].over(rates[0])
    section.aim(
        "sync echo in memory with principals, metrics and logs, of a server without them", "at least 0.93",
        measured: ratio.text(Figure.ratio), isReached: ratio.value >= 0.93)
    section.add(table)
    return section
}
