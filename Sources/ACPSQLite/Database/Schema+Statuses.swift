// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import GRDB

extension Schema {
    // The status of each run with the distinctions of `DetailedRunStatus`, and when it changed.
    //
    // The ended runs of an agent are counted by triggers, for each status in ranges of time of two sizes (`level` 0 and
    // 1): see `CountedRanges`. Other runs are counted in the index.
    static func migrateToVersion3(_ db: Database) throws {
        try db.execute(
            sql: """
                ALTER TABLE acp_runs ADD COLUMN detailed_status TEXT NOT NULL DEFAULT '';
                ALTER TABLE acp_runs ADD COLUMN status_changed_at INTEGER NOT NULL DEFAULT 0;
                UPDATE acp_runs SET detailed_status = status, status_changed_at = created_at;
                """)
        try fillStatuses(db)
        try db.execute(sql: version3)
    }

    /// Fills the new columns from the documents. Those that cannot be read keep the values of the other columns.
    private static func fillStatuses(_ db: Database) throws {
        var last: Int64 = -1
        while true {
            let rows = try Row.fetchAll(
                db,
                sql: "SELECT run, document FROM acp_run_snapshots WHERE run > ? ORDER BY run LIMIT 500",
                arguments: [last])
            guard let end = rows.last else { return }
            last = end[0]
            for row in rows {
                guard let run = try? Encoded<Run>(json: try row.bytes(1)).decode("a run") else { continue }
                try db.run(
                    "UPDATE acp_runs SET detailed_status = ?, status_changed_at = ? WHERE key = ?",
                    [run.detailedStatus.rawValue, run.statusTimestamp.microseconds, row[0] as Int64])
            }
        }
    }

    private static let version3 = """
        CREATE INDEX acp_runs_by_status ON acp_runs (agent_name, detailed_status, status_changed_at, id);

        CREATE TABLE acp_status_counts (
            agent_name TEXT NOT NULL,
            status TEXT NOT NULL,
            level INTEGER NOT NULL,
            period INTEGER NOT NULL,
            runs INTEGER NOT NULL,
            PRIMARY KEY (agent_name, status, level, period)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO acp_status_counts
            SELECT agent_name, detailed_status, 0, status_changed_at >> 36, COUNT(*) FROM acp_runs
            WHERE ended_at IS NOT NULL GROUP BY 1, 2, 4;
        INSERT INTO acp_status_counts
            SELECT agent_name, detailed_status, 1, status_changed_at >> 26, COUNT(*) FROM acp_runs
            WHERE ended_at IS NOT NULL GROUP BY 1, 2, 4;

        CREATE TRIGGER acp_runs_status_added AFTER INSERT ON acp_runs WHEN NEW.ended_at IS NOT NULL BEGIN
            \(countNew)
        END;
        CREATE TRIGGER acp_runs_status_removed AFTER DELETE ON acp_runs WHEN OLD.ended_at IS NOT NULL BEGIN
            \(discountOld)
        END;
        CREATE TRIGGER acp_runs_status_entered
        AFTER UPDATE OF agent_name, detailed_status, status_changed_at, ended_at ON acp_runs
        WHEN NEW.ended_at IS NOT NULL BEGIN
            \(countNew)
        END;
        CREATE TRIGGER acp_runs_status_left
        AFTER UPDATE OF agent_name, detailed_status, status_changed_at, ended_at ON acp_runs
        WHEN OLD.ended_at IS NOT NULL BEGIN
            \(discountOld)
        END;
        """

    private static let countNew = """
        INSERT INTO acp_status_counts VALUES
            (NEW.agent_name, NEW.detailed_status, 0, NEW.status_changed_at >> 36, 1),
            (NEW.agent_name, NEW.detailed_status, 1, NEW.status_changed_at >> 26, 1)
            ON CONFLICT DO UPDATE SET runs = runs + 1;
        """

    private static let discountOld = """
        UPDATE acp_status_counts SET runs = runs - 1
        WHERE agent_name = OLD.agent_name AND status = OLD.detailed_status AND level = 0
            AND period = OLD.status_changed_at >> 36;
        UPDATE acp_status_counts SET runs = runs - 1
        WHERE agent_name = OLD.agent_name AND status = OLD.detailed_status AND level = 1
            AND period = OLD.status_changed_at >> 26;
        DELETE FROM acp_status_counts
        WHERE agent_name = OLD.agent_name AND status = OLD.detailed_status AND level = 0
            AND period = OLD.status_changed_at >> 36 AND runs = 0;
        DELETE FROM acp_status_counts
        WHERE agent_name = OLD.agent_name AND status = OLD.detailed_status AND level = 1
            AND period = OLD.status_changed_at >> 26 AND runs = 0;
        """
}
