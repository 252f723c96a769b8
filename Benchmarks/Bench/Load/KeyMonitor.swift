// SPDX-License-Identifier: Apache-2.0

import Foundation
import RedisTestSupport

/// Counts the commands of Redis servers by key, with MONITOR of redis-cli.
struct KeyMonitor {
    private let servers: [(server: RedisTestServer, process: SupervisedProcess, log: String)]

    /// Starts to observe all commands.
    static func start(_ servers: [RedisTestServer], in folder: URL) async throws -> KeyMonitor {
        var monitors: [(RedisTestServer, SupervisedProcess, String)] = []
        for server in servers {
            let log = folder.appendingPathComponent("monitor-\(server.port).log").path
            let process = try SupervisedProcess("redis-cli", ["-p", "\(server.port)", "MONITOR"], log: log)
            let hasStarted = try await poll(for: .seconds(20)) { text(of: log).hasPrefix("OK") }
            guard hasStarted else { throw BenchError("redis-cli did not start to observe commands") }
            monitors.append((server, process, log))
        }
        return KeyMonitor(servers: monitors)
    }

    /// Ends the observation, and returns the number of commands by their first key. Commands without a key have the key "".
    func stop() async throws -> [String: Int] {
        defer { for (_, process, _) in servers { process.endWithoutWaiting() } }
        var counts: [String: Int] = [:]
        for (server, _, log) in servers {
            // What precedes this command in the log is complete.
            let end = "end-\(UInt32.random(in: 0 ... .max))"
            try await server.send("ECHO", end)
            let isComplete = try await poll(for: .seconds(60), every: .milliseconds(100)) {
                Self.text(of: log).contains(end)
            }
            guard isComplete else { throw BenchError("redis-cli did not write all commands") }
            for line in Self.text(of: log).split(separator: "\n") {
                if let key = Self.key(of: line) { counts[key, default: 0] += 1 }
            }
        }
        return counts
    }

    /// Returns the first key of the command in a line such as `1700000000.1 [0 127.0.0.1:5000] "SET" "key" "value"`, or `nil`
    /// if the command does not count.
    static func key(of line: Substring) -> String? {
        // Neither the names of commands nor keys contain quotation marks here; values follow.
        let pieces = line.split(separator: "\"", maxSplits: 8, omittingEmptySubsequences: false)
        let words = stride(from: 1, to: pieces.count, by: 2).map { pieces[$0] }
        guard let command = words.first?.lowercased(), !RedisCounters.isAdministration(command) else { return nil }
        let place = command.hasPrefix("eval") || command.hasPrefix("fcall") ? 3 : 1
        guard words.count > place, place == 1 || words[2] != "0" else { return "" }
        return String(words[place])
    }

    private static func text(of log: String) -> String {
        (try? Data(contentsOf: URL(fileURLWithPath: log))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
