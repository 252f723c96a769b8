// SPDX-License-Identifier: Apache-2.0

extension Schema {
    // The principals of runs and sessions. The indexes of a principal's runs, and their numbers, cost nothing for runs
    // without a principal: neither an entry nor a row.
    static let version5Principals = """
        ALTER TABLE acp_runs ADD COLUMN IF NOT EXISTS principal text COLLATE "C";
        ALTER TABLE acp_sessions ADD COLUMN IF NOT EXISTS principal text COLLATE "C";

        CREATE INDEX IF NOT EXISTS acp_runs_of_principal ON acp_runs (principal, created_at, id)
            WHERE principal IS NOT NULL;
        CREATE INDEX IF NOT EXISTS acp_runs_of_principal_by_agent ON acp_runs (principal, agent_name, created_at, id)
            WHERE principal IS NOT NULL;
        CREATE INDEX IF NOT EXISTS acp_runs_of_principal_by_session ON acp_runs (principal, session_id, created_at, id)
            WHERE principal IS NOT NULL AND session_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS acp_runs_of_principal_unfinished ON acp_runs (principal, status, created_at, id)
            WHERE principal IS NOT NULL AND ended_at IS NULL;
        CREATE INDEX IF NOT EXISTS acp_runs_of_principal_by_status
            ON acp_runs (principal, agent_name, detailed_status, status_changed_at, id) WHERE principal IS NOT NULL;
        """

    // The numbers of a principal's runs are in the tables of the numbers of all runs: those of all its runs as the
    // listing 'principal', those of the runs of an agent under the name of the agent, a space and the principal. No agent
    // has a space in its name.
    //
    // Triggers fire in the order of their names. These ones come after those that count the runs of all: a transaction
    // that waits for a number of a principal holds that of all, so that no two transactions wait for each other.
    static let version5Counts = """
        CREATE OR REPLACE FUNCTION acp_count_principal(p_principal text, p_agent text, p_change integer)
        RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            part integer := pg_backend_pid() % 16;
        BEGIN
            INSERT INTO acp_run_counts AS c VALUES
                ('principal', p_principal, part, p_change),
                ('agent of principal', p_agent || ' ' || p_principal, part, p_change)
            ON CONFLICT ON CONSTRAINT acp_run_counts_pkey DO UPDATE SET runs = c.runs + excluded.runs;
        END $body$;

        CREATE OR REPLACE FUNCTION acp_count_principals() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                IF OLD.principal IS NOT NULL THEN PERFORM acp_count_principal(OLD.principal, OLD.agent_name, -1); END IF;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                IF NEW.principal IS NOT NULL THEN PERFORM acp_count_principal(NEW.principal, NEW.agent_name, 1); END IF;
            END IF;
            RETURN NULL;
        END $body$;
        CREATE OR REPLACE TRIGGER acp_runs_with_principal_added AFTER INSERT ON acp_runs
            FOR EACH ROW WHEN (NEW.principal IS NOT NULL) EXECUTE FUNCTION acp_count_principals();
        CREATE OR REPLACE TRIGGER acp_runs_with_principal_removed AFTER DELETE ON acp_runs
            FOR EACH ROW WHEN (OLD.principal IS NOT NULL) EXECUTE FUNCTION acp_count_principals();
        CREATE OR REPLACE TRIGGER acp_runs_with_principal_changed AFTER UPDATE OF principal, agent_name ON acp_runs
            FOR EACH ROW WHEN (
                (OLD.principal IS NOT NULL OR NEW.principal IS NOT NULL)
                AND (OLD.principal, OLD.agent_name) IS DISTINCT FROM (NEW.principal, NEW.agent_name)
            ) EXECUTE FUNCTION acp_count_principals();

        CREATE OR REPLACE FUNCTION acp_count_principal_statuses() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                IF OLD.principal IS NOT NULL AND OLD.ended_at IS NOT NULL THEN
                    PERFORM acp_count_status(
                        OLD.agent_name || ' ' || OLD.principal, OLD.detailed_status, OLD.status_changed_at, -1);
                END IF;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                IF NEW.principal IS NOT NULL AND NEW.ended_at IS NOT NULL THEN
                    PERFORM acp_count_status(
                        NEW.agent_name || ' ' || NEW.principal, NEW.detailed_status, NEW.status_changed_at, 1);
                END IF;
            END IF;
            RETURN NULL;
        END $body$;
        CREATE OR REPLACE TRIGGER acp_runs_with_principal_status_added AFTER INSERT ON acp_runs
            FOR EACH ROW WHEN (NEW.principal IS NOT NULL AND NEW.ended_at IS NOT NULL)
            EXECUTE FUNCTION acp_count_principal_statuses();
        CREATE OR REPLACE TRIGGER acp_runs_with_principal_status_removed AFTER DELETE ON acp_runs
            FOR EACH ROW WHEN (OLD.principal IS NOT NULL AND OLD.ended_at IS NOT NULL)
            EXECUTE FUNCTION acp_count_principal_statuses();
        CREATE OR REPLACE TRIGGER acp_runs_with_principal_status_changed
            AFTER UPDATE OF principal, agent_name, detailed_status, status_changed_at, ended_at ON acp_runs
            FOR EACH ROW WHEN (
                (OLD.principal IS NOT NULL OR NEW.principal IS NOT NULL)
                AND (OLD.ended_at IS NOT NULL OR NEW.ended_at IS NOT NULL)
                AND (OLD.principal, OLD.agent_name, OLD.detailed_status, OLD.status_changed_at, OLD.ended_at IS NULL)
                    IS DISTINCT FROM
                    (NEW.principal, NEW.agent_name, NEW.detailed_status, NEW.status_changed_at, NEW.ended_at IS NULL)
            ) EXECUTE FUNCTION acp_count_principal_statuses();
        """

    // The functions that write runs and sessions, with the principal. Processes of earlier versions that still run call
    // those of earlier versions, which leave the principal of a run or session as it is.
    static let version5Writes = """
        -- Contents are stored, and a cancel signal is respected, where the last parameters are passed.
        CREATE OR REPLACE FUNCTION acp_write_run(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, p_detailed text, p_changed timestamptz, p_principal text,
            p_refused_after_cancel boolean DEFAULT false, p_digests text[] DEFAULT NULL, p_contents bytea[] DEFAULT NULL,
            OUT outcome text, OUT event_count bigint
        ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            r record;
            total bigint := p_expecting + cardinality(p_events);
            fits boolean := p_snapshot IS NULL OR p_covered BETWEEN 0 AND total;
        BEGIN
            LOOP
                SELECT key, owner_process, owner_token INTO r FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
                EXIT WHEN FOUND;
                event_count := 0;
                outcome := CASE WHEN p_expecting <> 0 OR p_snapshot IS NULL THEN 'missing' WHEN NOT fits THEN 'covered' END;
                IF outcome IS NOT NULL THEN RETURN; END IF;
                INSERT INTO acp_runs (
                    id, agent_name, session_id, status, created_at, ended_at, owner_process, owner_token,
                    covered_events, snapshot, input, detailed_status, status_changed_at, principal
                ) VALUES (
                    p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
                    p_process, p_token, p_covered, p_snapshot, p_input, p_detailed, p_changed, p_principal
                ) ON CONFLICT (id) DO NOTHING RETURNING key INTO r;
                IF FOUND THEN
                    PERFORM acp_append_events(r.key, 0, p_events);
                    outcome := 'done';
                    EXIT;
                END IF;
                -- Another transaction created it at the same moment: look again.
            END LOOP;
            IF outcome IS NULL THEN
                IF r.owner_process IS DISTINCT FROM p_process OR r.owner_token IS DISTINCT FROM p_token THEN
                    outcome := 'fenced';
                    RETURN;
                END IF;
                SELECT coalesce(max(position) + 1, 0) INTO event_count FROM acp_events WHERE run = r.key;
                IF event_count = total AND event_count <> p_expecting THEN
                    outcome := 'done';
                ELSE
                    IF event_count <> p_expecting THEN
                        outcome := 'conflict';
                    ELSIF p_refused_after_cancel
                        AND EXISTS (SELECT FROM acp_signals AS s WHERE s.run = r.key AND s.key = 'cancel') THEN
                        outcome := 'cancelled';
                    ELSIF NOT fits THEN
                        outcome := 'covered';
                    END IF;
                    IF outcome IS NOT NULL THEN RETURN; END IF;
                    PERFORM acp_append_events(r.key, p_expecting, p_events);
                    IF p_snapshot IS NOT NULL THEN
                        UPDATE acp_runs SET
                            agent_name = p_agent, session_id = p_session, status = p_status, created_at = p_created,
                            ended_at = CASE WHEN p_ended THEN coalesce(ended_at, clock_timestamp()) END,
                            covered_events = p_covered, snapshot = p_snapshot,
                            detailed_status = p_detailed, status_changed_at = p_changed, principal = p_principal
                        WHERE key = r.key;
                    END IF;
                    outcome := 'done';
                END IF;
            END IF;
            IF cardinality(p_digests) > 0 THEN
                INSERT INTO acp_run_contents (run, digest, content)
                SELECT r.key, t.d, t.b FROM unnest(p_digests, p_contents) AS t (d, b) ON CONFLICT DO NOTHING;
            END IF;
        END $body$;

        CREATE OR REPLACE FUNCTION acp_replace_run(
            p_run text, p_snapshot bytea, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_detailed text, p_changed timestamptz, p_principal text
        ) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            run_key bigint;
        BEGIN
            LOOP
                SELECT key INTO run_key FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
                IF FOUND THEN
                    UPDATE acp_runs SET
                        agent_name = p_agent, session_id = p_session, status = p_status, created_at = p_created,
                        ended_at = CASE WHEN p_ended THEN coalesce(ended_at, clock_timestamp()) END,
                        snapshot = p_snapshot, detailed_status = p_detailed, status_changed_at = p_changed,
                        principal = p_principal,
                        covered_events = (SELECT coalesce(max(position) + 1, 0) FROM acp_events WHERE run = run_key)
                    WHERE key = run_key;
                    EXIT;
                END IF;
                INSERT INTO acp_runs (
                    id, agent_name, session_id, status, created_at, ended_at, covered_events, snapshot,
                    detailed_status, status_changed_at, principal
                ) VALUES (
                    p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
                    0, p_snapshot, p_detailed, p_changed, p_principal
                ) ON CONFLICT (id) DO NOTHING;
                EXIT WHEN FOUND;
            END LOOP;
            PERFORM acp_notify('c', p_run);
        END $body$;

        CREATE OR REPLACE FUNCTION acp_write_session(
            p_session text, p_expecting bigint, p_metadata bytea, p_content_type text, p_state bytea, p_principal text,
            OUT is_saved boolean, OUT new_version bigint
        ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            s record;
        BEGIN
            LOOP
                SELECT key, coalesce(version, 0) AS version INTO s FROM acp_sessions WHERE id = p_session FOR NO KEY UPDATE;
                new_version := CASE WHEN FOUND THEN s.version ELSE 0 END;
                is_saved := p_expecting IS NULL OR p_expecting = new_version;
                IF NOT is_saved THEN RETURN; END IF;
                IF s.key IS NOT NULL THEN
                    new_version := new_version + 1;
                    UPDATE acp_sessions SET
                        used_at = clock_timestamp(), version = new_version, metadata = p_metadata,
                        state_content_type = p_content_type, state = p_state, principal = p_principal
                    WHERE key = s.key;
                    RETURN;
                END IF;
                INSERT INTO acp_sessions (id, used_at, version, metadata, state_content_type, state, principal)
                VALUES (p_session, clock_timestamp(), 1, p_metadata, p_content_type, p_state, p_principal)
                ON CONFLICT (id) DO NOTHING;
                IF FOUND THEN
                    new_version := 1;
                    RETURN;
                END IF;
            END LOOP;
        END $body$;
        """
}
