// SPDX-License-Identifier: Apache-2.0

import Redis
import RedisTestSupport

/// What Redis servers have counted since their start, as a sum.
struct RedisCounters {
    /// Commands, those in scripts included, without those of administration.
    var commands = 0.0
    var bytesReceived = 0.0
    var bytesSent = 0.0
    /// Bytes of memory in use.
    var memory = 0.0
    /// Seconds. `nil` where /proc does not contain them.
    var processorTime: Double?

    static func read(_ servers: [RedisTestServer]) async throws -> RedisCounters {
        var sum = RedisCounters()
        for server in servers {
            let fields = try await info(server)
            sum.commands += fields.reduce(0) { $0 + (calls(of: $1.key, $1.value) ?? 0) }
            sum.bytesReceived += fields["total_net_input_bytes"].flatMap { Double($0) } ?? 0
            sum.bytesSent += fields["total_net_output_bytes"].flatMap { Double($0) } ?? 0
            sum.memory += fields["used_memory"].flatMap { Double($0) } ?? 0
            if let time = server.pid.flatMap({ ProcessorTime.seconds(of: $0) }) {
                sum.processorTime = (sum.processorTime ?? 0) + time
            }
        }
        return sum
    }

    /// Whether a command, in lower case, belongs to the administration of servers and connections.
    static func isAdministration(_ command: String) -> Bool {
        // Subcommands are counted like `cluster|shards`.
        let name = String(command.prefix { $0 != "|" })
        return [
            "acl", "asking", "auth", "client", "cluster", "command", "config", "debug", "echo", "hello", "info", "keys",
            "monitor",
            "ping", "psync", "readonly", "replconf", "select",
        ].contains(name)
    }

    private static func info(_ server: RedisTestServer) async throws -> [String: String] {
        let text = try await server.send("INFO", "everything").string ?? ""
        let pairs = text.split(whereSeparator: \.isNewline).compactMap { line -> (String, String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// The calls in a line such as `cmdstat_set:calls=12,usec=…`, if the command counts.
    private static func calls(of field: String, _ value: String) -> Double? {
        guard field.hasPrefix("cmdstat_") else { return nil }
        let command = field.dropFirst("cmdstat_".count)
        guard !isAdministration(String(command)), let match = value.firstMatch(of: /calls=([0-9]+)/) else { return nil }
        return Double(match.1)
    }
}
