// SPDX-License-Identifier: Apache-2.0

import Foundation
import RedisTestSupport

/// How long a server takes from the start of its process to its first answer.
func measureStart(in sitting: Sitting) async throws -> Section {
    let times = sitting.pick(20, quick: 10)
    var section = Section("Start-up")
    section.note(
        "From the start of the process to the first answer to `GET /ping`, on memory storage; \(times) starts of each.")
    var table = Table(["", "half of the starts within", "fastest", "slowest"])
    func add(_ title: String, _ series: Series) {
        table.add([
            title, Figure.time(series.median), Figure.time(series.values.min() ?? .nan),
            Figure.time(series.values.max() ?? .nan),
        ])
    }
    var ours = Series()
    var theirs = Series()
    let server = sitting.programs.appendingPathComponent("BenchServer").path
    for _ in 0..<times {
        ours.add(try await start(server, ["memory"], in: sitting))
    }
    add("SimpleACP", ours)
    if let python = sitting.python {
        for _ in 0..<3 { theirs.add(try await start(python, [sitting.pythonServer, "memory"], in: sitting)) }
        add("Python SDK (3 starts)", theirs)
    } else {
        section.note(Sitting.withoutPython)
    }
    section.add(table)
    section.aim(
        "start-up to first answer, memory storage", "under 100 ms", measured: Figure.time(ours.median),
        isReached: ours.median < 0.1)
    return section
}

/// Seconds from the start of a server to its first answer.
private func start(_ program: String, _ arguments: [String], in sitting: Sitting) async throws -> Double {
    let port = try FreePort.find()
    let log = sitting.folder.appendingPathComponent("start.log").path
    let start = ContinuousClock.now
    let process = try SupervisedProcess(program, arguments + ["\(port)"], log: log)
    let listens = try await poll(for: .seconds(60), every: .microseconds(200)) { LoopbackSocket.accepts(port: port) }
    guard listens else { throw BenchError("\(program) did not listen within 60 seconds") }
    _ = try await RawCall(port: port, on: sitting.group).get("/ping")
    let time = start.duration(to: .now).inSeconds
    try await process.kill()
    return time
}
