// SPDX-License-Identifier: Apache-2.0

import Foundation
import RedisTestSupport

/// Measures the time from the start of a server's process to its first response.
func measureStart(in bench: BenchSession) async throws -> Section {
    let times = bench.pick(20, quick: 10)
    var section = Section("Start-up")
    section.note(
        "From the start of the process to the first response to `GET /ping`, on memory storage; \(times) starts of each."
    )
    var table = Table(["", "half of the starts within", "fastest", "slowest"])
    func add(_ title: String, _ series: Series) {
        table.add([
            title, Figure.time(series.median), Figure.time(series.values.min() ?? .nan),
            Figure.time(series.values.max() ?? .nan),
        ])
    }
    var ours = Series()
    var theirs = Series()
    let server = bench.programs.appendingPathComponent("BenchServer").path
    for _ in 0..<times {
        ours.add(try await start(server, ["memory"], in: bench))
    }
    add("SimpleACP", ours)
    if let python = bench.python {
        for _ in 0..<3 { theirs.add(try await start(python, [bench.pythonServer, "memory"], in: bench)) }
        add("Python SDK (3 starts)", theirs)
    } else {
        section.note(BenchSession.withoutPython)
    }
    section.add(table)
    section.aim(
        "start-up to first response, memory storage", "under 100 ms", measured: Figure.time(ours.median),
        isReached: ours.median < 0.1)
    return section
}

/// Returns the seconds from the start of a server to its first response.
private func start(_ program: String, _ arguments: [String], in bench: BenchSession) async throws -> Double {
    let port = try FreePort.find()
    let log = bench.folder.appendingPathComponent("start.log").path
    let start = ContinuousClock.now
    let process = try SupervisedProcess(program, arguments + ["\(port)"], log: log)
    let listens = try await poll(for: .seconds(60), every: .microseconds(200)) { LoopbackSocket.accepts(port: port) }
    guard listens else { throw BenchError("\(program) did not listen within 60 seconds") }
    _ = try await RawCall(port: port, on: bench.group).get("/ping")
    let time = start.duration(to: .now).inSeconds
    try await process.kill()
    return time
}
