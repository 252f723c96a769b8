// SPDX-License-Identifier: Apache-2.0

import Foundation
import Redis
import RedisTestSupport

/// The commands that callers send.
private struct Exchange {
    let command: String
    let size: Int
    /// The number of commands in a pipeline.
    let pipeline: Int

    var title: String {
        let size = size < 1_024 ? "\(size) bytes" : "\(size / 1_024) KiB"
        return "\(command), \(size)" + (pipeline > 1 ? ", in pipelines of \(pipeline)" : "")
    }

    /// The approximate number per second, which determines the length of a measurement.
    var guess: Double { pipeline == 1 ? 50_000 : size < 1_024 ? 800_000 : 50_000 }

    static let all = [(3, 1), (16_384, 1), (3, 100), (16_384, 10)].flatMap { size, pipeline in
        ["SET", "GET"].map { Exchange(command: $0, size: size, pipeline: pipeline) }
    }
}

private let callers = 50

/// Measures RedisClient and redis-benchmark, both on a server of their own.
func measureClient(in bench: BenchSession) async throws -> Section {
    let server = try await RedisTestServer.start()
    defer { server.stop() }
    let usual = try RedisClient(url: server.url)
    var configuration = try RedisConfiguration(url: server.url)
    configuration.pool.maxConnections = 1
    let narrow = try RedisClient(configuration)
    let rounds = bench.roundCount
    let seconds = bench.pick(1.5, quick: 1)

    var figures: [String: (reference: Series, usual: Series, narrow: Series)] = [:]
    for round in 1...rounds {
        for exchange in Exchange.all {
            let reference = try redisBenchmark(exchange, port: server.port, seconds: seconds)
            let shared = try await rate(of: exchange, usual, seconds: seconds)
            let alone = try await rate(of: exchange, narrow, seconds: seconds)
            var entry = figures[exchange.title] ?? (Series(), Series(), Series())
            entry.reference.add(reference)
            entry.usual.add(shared)
            entry.narrow.add(alone)
            figures[exchange.title] = entry
            bench.progress(
                "client, round \(round) of \(rounds), \(exchange.title): \(Figure.whole(shared)) per second, redis-benchmark "
                    + Figure.whole(reference))
        }
    }
    await usual.close()
    await narrow.close()

    var section = Section("RedisClient")
    section.note(
        """
        \(callers) tasks that send a command (or a pipeline), wait for its reply and send the next, compared with \
        `redis-benchmark -c \(callers)`; commands per second, \(bench.rounds(rounds)) in turn. The client shares its \
        connections among the tasks: with its defaults up to \(configurationDefault), and with one.
        """)
    var table = Table(["", "redis-benchmark", "RedisClient", "ratio", "one connection", "ratio"])
    for exchange in Exchange.all {
        guard let entry = figures[exchange.title] else { continue }
        table.add([
            exchange.title, entry.reference.text(Figure.whole), entry.usual.text(Figure.whole),
            entry.usual.over(entry.reference).text(Figure.ratio), entry.narrow.text(Figure.whole),
            entry.narrow.over(entry.reference).text(Figure.ratio),
        ])
    }
    section.add(table)
    for exchange in Exchange.all where exchange.pipeline == 1 && exchange.size < 1_024 {
        guard let entry = figures[exchange.title] else { continue }
        let ratio = entry.usual.over(entry.reference)
        section.aim(
            "RedisClient, \(exchange.command) at \(callers) callers, against redis-benchmark -c \(callers)",
            "0.8 or more", measured: ratio.text(Figure.ratio), isReached: ratio.value >= 0.8)
    }
    return section
}

private let configurationDefault = RedisPoolConfiguration().maxConnections

private func rate(of exchange: Exchange, _ client: RedisClient, seconds: Double) async throws -> Double {
    let value = String(repeating: "x", count: exchange.size)
    let command = exchange.command == "SET" ? RedisCommand.set("key", value) : RedisCommand.get("key")
    try await client.set("key", value)
    if exchange.pipeline == 1 {
        return try await rate(operations: 1, seconds: seconds) { _ = try await client.send(command) }
    }
    let commands = Array(repeating: command, count: exchange.pipeline)
    return try await rate(operations: exchange.pipeline, seconds: seconds) { _ = try await client.pipeline(commands) }
}

/// Calls a function from many tasks for some time, and returns the number of operations per second.
private func rate(
    operations: Int, seconds: Double, _ body: @escaping @Sendable () async throws -> Void
) async throws -> Double {
    func round(_ duration: Duration) async throws -> Double {
        let start = ContinuousClock.now
        let end = start + duration
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var count = 0
                    while .now < end {
                        try await body()
                        count += operations
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(count) / start.duration(to: .now).inSeconds
    }
    _ = try await round(.milliseconds(200))
    return try await round(.seconds(seconds))
}

private func redisBenchmark(_ exchange: Exchange, port: Int, seconds: Double) throws -> Double {
    let text = try Command.run(
        "redis-benchmark",
        [
            "-h", "127.0.0.1", "-p", "\(port)", "-c", "\(callers)", "-P", "\(exchange.pipeline)", "-n",
            "\(Int(seconds * exchange.guess))", "-t", exchange.command.lowercased(), "-d", "\(exchange.size)", "--csv",
        ])
    for line in text.split(separator: "\n") {
        let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: ["\""]) }
        if fields.count > 1, fields[0] == exchange.command, let rate = Double(fields[1]) { return rate }
    }
    throw BenchError("unexpected output of redis-benchmark:\n\(text)")
}
