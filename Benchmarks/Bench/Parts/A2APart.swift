// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The same echo run over ACP and over both bindings of A2A, blocking and streamed, on one server.
func measureA2A(in bench: BenchSession) async throws -> Section {
    let calls = Wrk.Call.allCases
    let connections = 64
    let rounds = bench.roundCount
    var section = Section("The same run over A2A")
    section.note(
        """
        A message to an agent that echoes it, blocking or streamed until the run has ended, \(connections) connections; \
        \(bench.rounds(rounds)) of all in turn, medians (lowest–highest). The cost is the processor time of the server \
        process per run, against that of the same over ACP.
        """)
    var table = Table(["protocol", "runs per second", "of ACP", "processor time per run", "cost against ACP"])
    for storage in [StorageKind.memory, .redis] {
        let backing = try await Backing.start(storage, in: bench.folder)
        defer { backing.stop() }
        let server = try await bench.server(backing.form)
        defer { server.stop() }
        var rates: [Wrk.Call: Series] = [:]
        var work: [Wrk.Call: Series] = [:]
        let loads = try calls.map { (call: $0, wrk: try Wrk(folder: bench.folder, call: $0)) }
        for (_, wrk) in loads { _ = try wrk.load(ports: [server.port], connections: 16, seconds: 1) }
        for round in 1...rounds {
            for (call, wrk) in loads {
                let before = server.processorTime()
                let figures = try wrk.load(
                    ports: [server.port], connections: connections, seconds: bench.pick(3, quick: 2))
                rates[call, default: Series()].add(figures.rate)
                if let before, let after = server.processorTime() {
                    work[call, default: Series()].add((after - before) / figures.count)
                }
                bench.progress(
                    "a2a, round \(round) of \(rounds), \(storage.title), \(call.rawValue): "
                        + "\(Figure.whole(figures.rate)) runs per second")
            }
        }
        for call in calls {
            let (rate, time) = (rates[call] ?? Series(), work[call] ?? Series())
            let cost = time.over(work[call.counterpart] ?? Series())
            table.add([
                "\(call.rawValue), \(storage.title)", rate.text(Figure.whole),
                rate.over(rates[call.counterpart] ?? Series()).text(Figure.ratio), time.text(Figure.time),
                cost.text(Figure.ratio),
            ])
            if call == .jsonRPC {
                section.aim(
                    "blocking echo over A2A JSON-RPC, cost against ACP, \(storage.title)", "no more than 1.15",
                    measured: cost.text(Figure.ratio), isReached: cost.value <= 1.15)
            }
        }
    }
    section.add(table)
    return section
}
