// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import Foundation
import Redis
import RedisTestSupport

/// Counts the commands of each master of Redis Clusters of several sizes, and compares them with what the keys of the
/// commands on one master predict.
func measureShards(in bench: BenchSession) async throws -> Section {
    let runs = bench.pick(2_000, quick: 300)
    let sizes = [1, 2, 4, 6, 8]
    var section = Section("Commands per shard")
    var table = Table([
        "masters", "commands per run", "on the busiest, predicted", "measured", "measured against predicted",
        "busiest against the mean",
    ])
    var model: ShardModel?
    for size in sizes {
        let backing = try await Backing.startCluster(masters: size)
        let server = try await bench.server(backing.form)
        defer {
            server.stop()
            backing.stop()
        }
        let client = try ACPClient("http://127.0.0.1:\(server.port)")
        try await execute(100, client)
        if model == nil {
            model = try await ShardModel.observe(runs, on: backing, in: bench) { try await execute(runs, client) }
        }
        var before: [Double] = []
        for master in backing.redisServers { before.append(try await RedisCounters.read([master]).commands) }
        try await execute(runs, client)
        var loads: [Double] = []
        for (master, count) in zip(backing.redisServers, before) {
            loads.append((try await RedisCounters.read([master]).commands - count) / Double(runs))
        }
        try await client.close()
        guard let model, let busiest = loads.max() else { continue }
        let all = loads.reduce(0, +)
        let predicted = try await model.busiest(on: backing)
        let share = busiest / (all / Double(size))
        table.add([
            "\(size)", Figure.decimal(all, 1), Figure.decimal(predicted, 1), Figure.decimal(busiest, 1),
            Figure.ratio(busiest / predicted), Figure.ratio(share),
        ])
        bench.progress(
            "shards, \(size) masters: \(loads.map { Figure.decimal($0, 1) }.joined(separator: ", ")) per run")
        if size == 6 {
            section.aim(
                "commands of the busiest of 6 masters, runs of one agent, against the mean", "no more than 1.2",
                measured: Figure.ratio(share), isReached: share <= 1.2)
        }
    }
    section.note(
        """
        \(Figure.whole(Double(runs))) sync runs of one agent through one server process, on clusters without replicas. \
        Commands are those that the masters count themselves, those in scripts included. The prediction is made from the keys \
        of all commands on one master: the commands for keys of single runs and sessions are divided among the masters, \
        and those for a key that many runs share go to the master of its slot.
        """)
    section.add(table)
    if let model {
        section.note("The keys of these commands, on one master:")
        section.add(model.table)
    }
    return section
}

private func execute(_ runs: Int, _ client: ACPClient) async throws {
    let callers = 16
    try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<callers {
            group.addTask {
                for _ in stride(from: caller, to: runs, by: callers) {
                    _ = try await client.run(agent: "echo", input: "Hello there, world")
                }
            }
        }
        try await group.waitForAll()
    }
}

/// How the commands of runs are distributed among keys.
struct ShardModel {
    /// The commands per run for keys that few runs use.
    private let divided: Double
    /// Those for each key that many runs use.
    private let shared: [String: Double]
    /// The id of the server process, which is a part of some keys.
    private let process: String

    /// The hash tag of a bucket of lists: docs/redis-cluster.md.
    private static var bucketTag: Regex<Substring> { /\{[0-9]{2}[0-9a-z]{3}\}/ }

    /// Observes all commands while runs are executed.
    static func observe(
        _ runs: Int, on backing: Backing, in bench: BenchSession, _ body: () async throws -> Void
    ) async throws -> ShardModel {
        let monitor = try await KeyMonitor.start(backing.redisServers, in: bench.folder)
        try await body()
        let counts = try await monitor.stop()
        // No run or session has as many commands.
        let limit = 100
        let shared = counts.filter { count in
            // Each session has a list of its own.
            let isOfBucket = count.key.contains(bucketTag) && !count.key.contains("session_runs")
            return (count.value > limit || isOfBucket) && !count.key.isEmpty
        }
        let divided = counts.reduce(0) { $0 + (shared[$1.key] == nil ? $1.value : 0) }
        return ShardModel(
            divided: Double(divided) / Double(runs), shared: shared.mapValues { Double($0) / Double(runs) },
            process: try await process(on: backing))
    }

    /// The commands per run on the busiest shared key, with all others of its slot.
    func busiestSlot(on backing: Backing) async throws -> Double {
        var slots: [Int: Double] = [:]
        for (key, commands) in shared { slots[try await slot(of: key, on: backing), default: 0] += commands }
        return slots.values.max() ?? 0
    }

    /// Returns the commands per run that are to be expected on the busiest master of a cluster.
    func busiest(on backing: Backing) async throws -> Double {
        let masters = backing.redisServers.count
        var loads = Array(repeating: divided / Double(masters), count: masters)
        let process = try await Self.process(on: backing)
        for (key, commands) in shared {
            let slot = try await slot(of: key.replacingOccurrences(of: self.process, with: process), on: backing)
            // The first slot of a master is 16,384 times its number divided by the number of masters, rounded down.
            let master = loads.indices.last { 16_384 * $0 / masters <= slot } ?? 0
            loads[master] += commands
        }
        return loads.max() ?? 0
    }

    /// The keys, those with the most commands first.
    var table: Table {
        var table = Table(["keys", "commands per run"])
        table.add(["keys of single runs and sessions, divided among the masters", Figure.decimal(divided, 1)])
        var names: [String: (keys: Int, commands: Double)] = [:]
        for (key, commands) in shared {
            let name = key.replacingOccurrences(of: process, with: "…").replacing(Self.bucketTag, with: "{bucket}")
                .replacing(/[0-9]+/, with: "N")
            names[name, default: (0, 0)].keys += 1
            names[name, default: (0, 0)].commands += commands
        }
        for (name, entry) in names.sorted(by: { ($0.value.commands, $1.key) > ($1.value.commands, $0.key) }) {
            let count = entry.keys == 1 ? "" : ", \(entry.keys) keys"
            table.add(["`\(name)`\(count)", Figure.decimal(entry.commands, 1)])
        }
        return table
    }

    private func slot(of key: String, on backing: Backing) async throws -> Int {
        guard let server = backing.redisServers.first, let slot = try await server.send("CLUSTER", "KEYSLOT", key).int
        else {
            throw BenchError("Redis did not report the slot of \(key)")
        }
        return slot
    }

    /// Returns the id of the only server process of a cluster.
    private static func process(on backing: Backing) async throws -> String {
        for server in backing.redisServers {
            for key in try await server.send("KEYS", "acp:process:*").array ?? [] {
                if let id = key.string?.dropFirst("acp:process:".count) {
                    return id.trimmingCharacters(in: CharacterSet(charactersIn: "{}"))
                }
            }
        }
        throw BenchError("no server process has sent a heartbeat")
    }
}
