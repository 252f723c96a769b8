// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import BenchSupport
import Foundation
import GRDB
import Redis

/// Fills a storage with runs that have ended: in memory by saving them, elsewhere by writing the stored form directly,
/// because a million commits take too long.
actor Filler {
    static let agent: AgentName = "lists"

    /// The owner of the filler closes it.
    nonisolated let storage: any Storage
    private let backing: Backing
    private var filled = 0

    init(_ backing: Backing, most: Int) async throws {
        self.backing = backing
        storage = try openStorage(backing.form, runLimit: most + 1_000)
        // Creates the tables, where there are some.
        _ = try await storage.ping()
        _ = try await storage.runs(RunQuery(.all, limit: 1))
    }

    /// Adds runs up to a number, each a microsecond younger than the one before.
    func fill(upTo count: Int) async throws {
        guard count > filled else { return }
        let range = filled..<count
        if let postgres = backing.postgres {
            try fill(postgres, range)
        } else if backing.redis != nil {
            try await fillRedis(range)
        } else if backing.form.hasPrefix("sqlite:") {
            try await fillSQLite(range)
        } else {
            for number in range { try await storage.save(run(number)) }
        }
        filled = count
    }

    private func run(_ number: Int) throws -> Run {
        Run(
            id: try RunID(validating: "run-\(number)"), agentName: Self.agent, status: .completed,
            output: [Message("An answer of usual length, as agents give it.", role: .agent("lists"))],
            createdAt: Self.time(number))
    }

    /// Returns when a run was created and ended.
    static func time(_ number: Int) -> Timestamp { Timestamp(microseconds: begin + Int64(number)) }

    private static let begin: Int64 = 1_700_000_000_000_000

    /// Returns the JSON of a run with the id `run-0`.
    private func document() throws -> String { String(decoding: try ACPJSON.encode(run(0)), as: UTF8.self) }

    // MARK: Redis

    private func fillRedis(_ range: Range<Int>) async throws {
        let client = try RedisClient(url: backing.form)
        let expiry = Int((Date().timeIntervalSince1970 + 86_400) * 1_000)
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 2_000) {
            var commands: [RedisCommand] = []
            var scores: [RedisArgument] = []
            var queue: [RedisArgument] = []
            for number in start..<min(start + 2_000, range.upperBound) {
                let id = "run-\(number)"
                // Each run has a time of its own: a run that is not where its time belongs is not listed.
                let json =
                    String(decoding: try ACPJSON.encode(run(number)).dropLast(), as: UTF8.self) + #","_events":0}"#
                commands.append(RedisCommand("SET", "acp:run:\(id)", RedisArgument(json), "PX", 86_400_000))
                scores += [RedisArgument(Int(Self.begin) + number), RedisArgument(id)]
                queue += [RedisArgument(expiry), RedisArgument("\(id) \(Self.agent)")]
            }
            commands.append(RedisCommand("ZADD", arguments: ["acp:agent_runs:lists"] + scores))
            commands.append(RedisCommand("ZADD", arguments: ["acp:status_runs:lists:completed"] + scores))
            commands.append(RedisCommand("ZADD", arguments: ["acp:runs"] + scores))
            commands.append(RedisCommand("ZADD", arguments: ["acp:runs_expiry"] + queue))
            for result in try await client.pipeline(commands, timeout: .seconds(60)) { _ = try result.get() }
        }
        await client.close()
    }

    // MARK: PostgreSQL

    private func fill(_ postgres: PostgresTestServer, _ range: Range<Int>) throws {
        // Without its triggers, which count each run in the same row, and leave a dead row version each time.
        try postgres.script(
            """
            SET session_replication_role = replica;
            INSERT INTO acp_runs (
                id, agent_name, status, created_at, ended_at, covered_events, snapshot, detailed_status,
                status_changed_at)
            SELECT 'run-' || n, 'lists', 'completed', t, now(), 0,
                convert_to(replace($run$\(try document())$run$, 'run-0', 'run-' || n), 'UTF8'), 'completed', t
            FROM generate_series(\(range.lowerBound), \(range.upperBound - 1)) AS n CROSS JOIN LATERAL (
                SELECT timestamptz 'epoch' + interval '\(Self.begin / 1_000_000) s' + n * interval '1 microsecond'
            ) AS times (t);
            DELETE FROM acp_status_counts;
            INSERT INTO acp_status_counts
            SELECT agent_name, detailed_status, level, (extract(epoch FROM status_changed_at) * 1000000)::bigint >> bits,
                0, count(*)
            FROM acp_runs CROSS JOIN (VALUES (0, 36), (1, 26)) AS levels (level, bits) GROUP BY 1, 2, 3, 4;
            INSERT INTO acp_run_counts AS c VALUES ('all', '', 0, \(range.count)), ('agent', 'lists', 0, \(range.count))
            ON CONFLICT ON CONSTRAINT acp_run_counts_pkey DO UPDATE SET runs = c.runs + excluded.runs;
            VACUUM ANALYZE acp_runs;
            CHECKPOINT;
            """)
    }

    // MARK: SQLite

    private func fillSQLite(_ range: Range<Int>) async throws {
        let document = try document()
        let queue = try DatabaseQueue(path: String(backing.form.dropFirst("sqlite:".count)))
        try await queue.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE numbers (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
                    INSERT INTO acp_runs (
                        key, id, agent_name, status, created_at, ended_at, detailed_status, status_changed_at)
                    SELECT n + 1, 'run-' || n, 'lists', 'completed', ? + n, ? + n, 'completed', ? + n FROM numbers
                    """,
                arguments: [range.lowerBound, range.upperBound - 1, Self.begin, Self.begin, Self.begin])
            try db.execute(
                sql: """
                    INSERT INTO acp_run_snapshots (run, covered_events, document)
                    SELECT key, 0, replace(?, 'run-0', id) FROM acp_runs WHERE key > ?
                    """,
                arguments: [document, range.lowerBound])
        }
        try queue.close()
    }
}
