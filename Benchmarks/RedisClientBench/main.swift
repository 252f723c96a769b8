// SPDX-License-Identifier: Apache-2.0

// Compares RedisClient with redis-benchmark on a server of its own, in the same sitting:
//   swift run -c release RedisClientBench [seconds per measurement, default 3]

import Foundation
import RedisClient
import RedisTestSupport

let seconds = CommandLine.arguments.dropFirst().first.flatMap(Double.init) ?? 3
let callers = 50
let payload = "xxx"

/// Calls a body from many tasks for a while; the number of operations per second.
@Sendable func measure(operations: Int, _ body: @escaping @Sendable () async throws -> Void) async throws -> Double {
    func round(_ duration: Duration) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start + duration
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var count = 0
                    while clock.now < end {
                        try await body()
                        count += operations
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let elapsed = start.duration(to: clock.now).components
        return Double(count) / (Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18)
    }
    _ = try await round(.milliseconds(300))
    return try await round(.milliseconds(Int(seconds * 1000)))
}

/// What redis-benchmark says for SET and GET, in operations per second.
func redisBenchmark(port: Int, pipeline: Int, requests: Int) throws -> [String: Double] {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
        ["redis-benchmark", "-h", "127.0.0.1", "-p", "\(port)", "-c", "\(callers)", "-P", "\(pipeline)"]
        + ["-n", "\(requests)", "-t", "set,get", "-d", "\(payload.utf8.count)", "--csv"]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    var figures: [String: Double] = [:]
    for line in text.split(separator: "\n") {
        let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "\"")) }
        if fields.count > 1, let rate = Double(fields[1]) { figures[fields[0]] = rate }
    }
    return figures
}

func report(_ name: String, _ rate: Double, of reference: Double) {
    let ratio = reference > 0 ? String(format: "%.2f", rate / reference) : "?"
    let rates = String(format: "%9.0f/s against %9.0f/s", rate, reference)
    print("  \(name.padding(toLength: 44, withPad: " ", startingAt: 0)) \(rates)  ratio \(ratio)")
}

let server = try await RedisTestServer.start()
defer { server.stop() }

for connections in [1, 2, 4] {
    var configuration = RedisConfiguration(host: "127.0.0.1", port: server.port)
    configuration.pool.maxConnections = connections
    configuration.pool.minIdleConnections = connections
    // So low that all connections are opened, and the callers spread over them.
    configuration.pool.commandsBeforeGrowing = 1
    let client = try RedisClient(configuration)

    print("\(callers) callers, \(connections) connection\(connections == 1 ? "" : "s"):")
    let single = try redisBenchmark(port: server.port, pipeline: 1, requests: Int(seconds * 80_000))
    report(
        "SET", try await measure(operations: 1) { try await client.set("key", payload) }, of: single["SET"] ?? 0)
    report("GET", try await measure(operations: 1) { _ = try await client.get("key") }, of: single["GET"] ?? 0)

    let pipelined = try redisBenchmark(port: server.port, pipeline: 100, requests: Int(seconds * 800_000))
    let sets = Array(repeating: RedisCommand.set("key", payload), count: 100)
    let gets = Array(repeating: RedisCommand.get("key"), count: 100)
    report(
        "SET in pipelines of 100", try await measure(operations: 100) { _ = try await client.pipeline(sets) },
        of: pipelined["SET"] ?? 0)
    report(
        "GET in pipelines of 100", try await measure(operations: 100) { _ = try await client.pipeline(gets) },
        of: pipelined["GET"] ?? 0)
    await client.close()
}
