// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import GRDB

/// The tables of the storage, and their migrations. A published migration is never edited: each change is a new one.
enum Schema {
    /// All tables, children before their parents: the order in which they can be emptied.
    static let tables = [
        "acp_events", "acp_run_snapshots", "acp_run_inputs", "acp_run_contents", "acp_signals", "acp_turns", "acp_runs",
        "acp_deleted_runs", "acp_run_counts", "acp_status_counts", "acp_history", "acp_history_blocks",
        "acp_session_contents",
        "acp_session_records",
        "acp_sessions",
    ]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("acp-1") { db in try db.execute(sql: version1) }
        migrator.registerMigration("acp-2") { db in try db.execute(sql: version2) }
        migrator.registerMigration("acp-3") { db in try migrateToVersion3(db) }
        migrator.registerMigration("acp-4") { db in try migrateToVersion4(db) }
        migrator.registerMigration("acp-5") { db in try db.execute(sql: version5) }
        return migrator
    }

    /// Rejects a file that belongs to another program, before anything is changed in it.
    static func checkOwnership(_ db: Database, path: String) throws {
        let names = try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
        guard !names.isEmpty, !names.contains("grdb_migrations") || !names.contains("acp_runs") else { return }
        // The tables that an interrupted opening leaves behind.
        let beginnings: Set = ["grdb_migrations", "grdb_issue_102", "sqlite_sequence"]
        guard !Set(names).isSubset(of: beginnings) else { return }
        throw StorageError(
            .refused,
            "\(path) is a SQLite database of another program (it has a table \(names[0])): give the storage a file of "
                + "its own")
    }

    /// Migrates the tables to the current version.
    static func migrate(_ pool: DatabasePool) throws {
        if try pool.read(migrator.hasBeenSuperseded) {
            throw StorageError(
                .refused,
                "\(pool.path) was written by a newer version of this storage: use that version, or another file")
        }
        try migrator.migrate(pool)
    }

    // The runs that were deleted for good, with the time until which they are not created again.
    private static let version5 = """
        CREATE TABLE acp_deleted_runs (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX acp_deleted_runs_by_time ON acp_deleted_runs (until);
        """

    // Contents to which documents refer instead of containing them. They are large, and therefore not stored in the
    // index.
    private static let version2 = """
        CREATE TABLE acp_run_contents (
            run INTEGER NOT NULL REFERENCES acp_runs (key) ON DELETE CASCADE,
            digest TEXT NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (run, digest)
        ) STRICT;

        CREATE TABLE acp_session_contents (
            session INTEGER NOT NULL REFERENCES acp_sessions (key) ON DELETE CASCADE,
            digest TEXT NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (session, digest)
        ) STRICT;
        """

    // Runs, states and inputs are in separate tables from the small columns that most commits read: a row is always
    // written whole, and a large document must not be written again because a status changed.
    private static let version1 = """
        CREATE TABLE acp_runs (
            key INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            agent_name TEXT NOT NULL,
            session_id TEXT,
            status TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            ended_at INTEGER,
            owner_process TEXT,
            owner_token TEXT
        ) STRICT;
        CREATE INDEX acp_runs_by_time ON acp_runs (created_at, id);
        CREATE INDEX acp_runs_by_agent ON acp_runs (agent_name, created_at, id);
        CREATE INDEX acp_runs_by_session ON acp_runs (session_id, created_at, id) WHERE session_id IS NOT NULL;
        CREATE INDEX acp_runs_unfinished ON acp_runs (status, created_at, id, ended_at)
            WHERE ended_at IS NULL;
        CREATE INDEX acp_runs_owned ON acp_runs (owner_process)
            WHERE owner_process IS NOT NULL AND ended_at IS NULL;
        CREATE INDEX acp_runs_ended ON acp_runs (ended_at) WHERE ended_at IS NOT NULL;

        CREATE TABLE acp_run_snapshots (
            run INTEGER PRIMARY KEY REFERENCES acp_runs (key) ON DELETE CASCADE,
            covered_events INTEGER NOT NULL,
            document TEXT NOT NULL
        ) STRICT;

        CREATE TABLE acp_run_inputs (
            run INTEGER PRIMARY KEY REFERENCES acp_runs (key) ON DELETE CASCADE,
            document TEXT NOT NULL
        ) STRICT;

        CREATE TABLE acp_events (
            run INTEGER NOT NULL REFERENCES acp_runs (key) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            event BLOB NOT NULL,
            PRIMARY KEY (run, position)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE acp_signals (
            run INTEGER NOT NULL REFERENCES acp_runs (key) ON DELETE CASCADE,
            key TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (run, key)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE acp_turns (
            session TEXT NOT NULL,
            position INTEGER NOT NULL,
            run TEXT NOT NULL,
            PRIMARY KEY (session, position),
            UNIQUE (session, run)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE acp_run_counts (
            listing TEXT NOT NULL,
            name TEXT NOT NULL,
            runs INTEGER NOT NULL,
            PRIMARY KEY (listing, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER acp_runs_added AFTER INSERT ON acp_runs BEGIN
            INSERT INTO acp_run_counts VALUES ('all', '', 1), ('agent', NEW.agent_name, 1)
                ON CONFLICT DO UPDATE SET runs = runs + 1;
        END;
        CREATE TRIGGER acp_runs_removed AFTER DELETE ON acp_runs BEGIN
            UPDATE acp_run_counts SET runs = runs - 1 WHERE listing = 'all' AND name = '';
            UPDATE acp_run_counts SET runs = runs - 1 WHERE listing = 'agent' AND name = OLD.agent_name;
            DELETE FROM acp_run_counts WHERE listing = 'agent' AND name = OLD.agent_name AND runs <= 0;
        END;
        CREATE TRIGGER acp_runs_renamed AFTER UPDATE OF agent_name ON acp_runs WHEN OLD.agent_name <> NEW.agent_name BEGIN
            UPDATE acp_run_counts SET runs = runs - 1 WHERE listing = 'agent' AND name = OLD.agent_name;
            DELETE FROM acp_run_counts WHERE listing = 'agent' AND name = OLD.agent_name AND runs <= 0;
            INSERT INTO acp_run_counts VALUES ('agent', NEW.agent_name, 1)
                ON CONFLICT DO UPDATE SET runs = runs + 1;
        END;

        CREATE TABLE acp_sessions (
            key INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            used_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX acp_sessions_by_use ON acp_sessions (used_at);

        CREATE TABLE acp_session_records (
            session INTEGER PRIMARY KEY REFERENCES acp_sessions (key) ON DELETE CASCADE,
            version INTEGER NOT NULL,
            metadata TEXT NOT NULL,
            state_content_type TEXT,
            state BLOB
        ) STRICT;

        CREATE TABLE acp_history (
            session INTEGER NOT NULL REFERENCES acp_sessions (key) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            entry TEXT NOT NULL,
            PRIMARY KEY (session, position)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE acp_history_blocks (
            session INTEGER NOT NULL REFERENCES acp_sessions (key) ON DELETE CASCADE,
            key TEXT NOT NULL,
            PRIMARY KEY (session, key)
        ) STRICT, WITHOUT ROWID;
        """
}
