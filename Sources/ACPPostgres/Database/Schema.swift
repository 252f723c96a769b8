// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// The tables of the storage, and their migrations. A published migration is never edited: each change is a new one.
enum Schema {
    /// The version of the tables that this version of the storage uses.
    static let version = 6

    /// The oldest version of this storage whose processes can work on the current tables, so that they may be started
    /// beside newer ones while processes are replaced. A migration that they could not work with raises it.
    static let usableFrom = 4

    /// All tables, children before their parents.
    static let tables = [
        "acp_events", "acp_signals", "acp_run_contents", "acp_runs", "acp_deleted_runs", "acp_run_counts",
        "acp_status_counts", "acp_history", "acp_history_blocks", "acp_session_contents", "acp_sessions", "acp_turns",
        "acp_processes",
    ]

    // The second column is NULL for tables without `usable_from`.
    static let readVersion = """
        SELECT coalesce(max(version), 0)::bigint, (
            SELECT (to_jsonb(newest) ->> 'usable_from')::bigint FROM acp_schema AS newest ORDER BY version DESC LIMIT 1
        ) FROM acp_schema
        """

    /// Migrates the tables from any version. One transaction; if several processes migrate at once, one does it, and
    /// the others find nothing left to do.
    static let migration = [
        // Large tables may take minutes, and so may waiting for another process that migrates them.
        "SET LOCAL statement_timeout = 0",
        "SELECT pg_advisory_xact_lock(4710020260)",
        // Everyone else waits behind a statement that waits for the lock of a whole table, for example until a backup ends.
        "SET LOCAL lock_timeout = '2s'",
        """
        CREATE TABLE IF NOT EXISTS acp_schema (
            version integer PRIMARY KEY,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """,
        """
        DO $acp$ BEGIN
        IF EXISTS (SELECT FROM acp_schema WHERE version >= 1) THEN RETURN; END IF;
        \(version1Tables)
        \(version1Counts)
        \(version1Runs)
        \(version1Sessions)
        \(version1Coordination)
        INSERT INTO acp_schema (version) VALUES (1);
        END $acp$
        """,
        """
        DO $acp$ BEGIN
        IF EXISTS (SELECT FROM acp_schema WHERE version >= 2) THEN RETURN; END IF;
        \(version2Contents)
        INSERT INTO acp_schema (version) VALUES (2);
        END $acp$
        """,
        """
        DO $acp$ BEGIN
        IF EXISTS (SELECT FROM acp_schema WHERE version >= 3) THEN RETURN; END IF;
        \(version3Ends)
        INSERT INTO acp_schema (version) VALUES (3);
        END $acp$
        """,
        """
        DO $acp$ BEGIN
        IF EXISTS (SELECT FROM acp_schema WHERE version >= 4) THEN RETURN; END IF;
        \(version4Statuses)
        \(version4Counts)
        \(version4Commits)
        INSERT INTO acp_schema (version) VALUES (4);
        END $acp$
        """,
        """
        DO $acp$ BEGIN
        IF EXISTS (SELECT FROM acp_schema WHERE version >= 5) THEN RETURN; END IF;
        \(version5Principals)
        \(version5Counts)
        \(version5Writes)
        \(version5Answers)
        INSERT INTO acp_schema (version) VALUES (5);
        END $acp$
        """,
        """
        DO $acp$ BEGIN
        IF EXISTS (SELECT FROM acp_schema WHERE version >= 6) THEN RETURN; END IF;
        \(version6Deletions)
        INSERT INTO acp_schema (version) VALUES (6);
        END $acp$
        """,
        "ALTER TABLE acp_schema ADD COLUMN IF NOT EXISTS usable_from integer",
        "UPDATE acp_schema SET usable_from = \(usableFrom) WHERE version = \(version)",
    ]

    /// The migration as a script, for operators who run it themselves.
    static var script: String {
        let statements = migration.map { $0 + ";" }.joined(separator: "\n\n")
        return "-- The tables of simple-acp, version \(version). May be run again: existing tables and data are kept.\n"
            + "BEGIN;\n\n\(statements)\n\nCOMMIT;\n"
    }

    // Documents are stored as the bytes that were committed, and also as JSONB for queries. JSONB does not support
    // \u0000: if a document contains one, the JSONB is NULL.
    static let version1Tables = """
        CREATE FUNCTION acp_jsonb(document bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $body$
        BEGIN
            RETURN convert_from(document, 'UTF8')::jsonb;
        EXCEPTION WHEN OTHERS THEN
            RETURN NULL;
        END $body$;

        CREATE TABLE acp_runs (
            key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id text COLLATE "C" NOT NULL UNIQUE,
            agent_name text COLLATE "C" NOT NULL,
            session_id text COLLATE "C",
            status text COLLATE "C" NOT NULL,
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            owner_process text COLLATE "C",
            owner_token text COLLATE "C",
            covered_events integer NOT NULL,
            snapshot bytea NOT NULL,
            document jsonb GENERATED ALWAYS AS (acp_jsonb(snapshot)) STORED,
            input bytea
        ) WITH (fillfactor = 80);
        CREATE INDEX acp_runs_by_time ON acp_runs (created_at, id);
        CREATE INDEX acp_runs_by_agent ON acp_runs (agent_name, created_at, id);
        CREATE INDEX acp_runs_by_session ON acp_runs (session_id, created_at, id) WHERE session_id IS NOT NULL;
        CREATE INDEX acp_runs_unfinished ON acp_runs (status, created_at, id) WHERE ended_at IS NULL;
        CREATE INDEX acp_runs_owned ON acp_runs (owner_process) WHERE ended_at IS NULL;
        CREATE INDEX acp_runs_ended ON acp_runs (ended_at) WHERE ended_at IS NOT NULL;

        CREATE TABLE acp_events (
            run bigint NOT NULL REFERENCES acp_runs (key) ON DELETE CASCADE,
            position integer NOT NULL,
            event bytea NOT NULL,
            PRIMARY KEY (run, position)
        );

        CREATE TABLE acp_signals (
            run bigint NOT NULL REFERENCES acp_runs (key) ON DELETE CASCADE,
            key text COLLATE "C" NOT NULL,
            signal bytea NOT NULL,
            PRIMARY KEY (run, key)
        );

        CREATE TABLE acp_sessions (
            key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id text COLLATE "C" NOT NULL UNIQUE,
            used_at timestamptz NOT NULL,
            history_count integer NOT NULL DEFAULT 0,
            version bigint,
            metadata bytea,
            document jsonb GENERATED ALWAYS AS (acp_jsonb(metadata)) STORED,
            state_content_type text COLLATE "C",
            state bytea
        );
        CREATE INDEX acp_sessions_by_use ON acp_sessions (used_at);

        CREATE TABLE acp_history (
            session bigint NOT NULL REFERENCES acp_sessions (key) ON DELETE CASCADE,
            position integer NOT NULL,
            entry bytea NOT NULL,
            PRIMARY KEY (session, position)
        );
        CREATE TABLE acp_history_blocks (
            session bigint NOT NULL REFERENCES acp_sessions (key) ON DELETE CASCADE,
            key text COLLATE "C" NOT NULL,
            PRIMARY KEY (session, key)
        );

        CREATE TABLE acp_turns (
            session text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            run text COLLATE "C" NOT NULL,
            PRIMARY KEY (session, position),
            UNIQUE (session, run)
        );

        CREATE TABLE acp_processes (
            id text COLLATE "C" PRIMARY KEY,
            expires_at timestamptz NOT NULL
        );
        """

    // Exact totals without counting. Each count is divided among sixteen rows, so that transactions that create runs at
    // the same time seldom wait for each other.
    static let version1Counts = """
        CREATE TABLE acp_run_counts (
            listing text COLLATE "C" NOT NULL,
            name text COLLATE "C" NOT NULL,
            part integer NOT NULL,
            runs bigint NOT NULL,
            PRIMARY KEY (listing, name, part)
        ) WITH (fillfactor = 50);

        CREATE FUNCTION acp_count_run(name text, change integer, all_too boolean) RETURNS void
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE part integer := pg_backend_pid() % 16;
        BEGIN
            IF all_too THEN
                INSERT INTO acp_run_counts AS c VALUES ('all', '', part, change)
                ON CONFLICT ON CONSTRAINT acp_run_counts_pkey DO UPDATE SET runs = c.runs + change;
            END IF;
            INSERT INTO acp_run_counts AS c VALUES ('agent', name, part, change)
            ON CONFLICT ON CONSTRAINT acp_run_counts_pkey DO UPDATE SET runs = c.runs + change;
        END $body$;

        CREATE FUNCTION acp_count_runs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            IF TG_OP <> 'INSERT' THEN PERFORM acp_count_run(OLD.agent_name, -1, TG_OP = 'DELETE'); END IF;
            IF TG_OP <> 'DELETE' THEN PERFORM acp_count_run(NEW.agent_name, 1, TG_OP = 'INSERT'); END IF;
            RETURN NULL;
        END $body$;
        CREATE TRIGGER acp_runs_counted AFTER INSERT OR DELETE ON acp_runs
            FOR EACH ROW EXECUTE FUNCTION acp_count_runs();
        CREATE TRIGGER acp_runs_renamed AFTER UPDATE OF agent_name ON acp_runs
            FOR EACH ROW WHEN (OLD.agent_name <> NEW.agent_name) EXECUTE FUNCTION acp_count_runs();
        """
}
