// SPDX-License-Identifier: Apache-2.0

extension Schema {
    // The functions that write runs, with the detailed status and the time of its change. The functions of earlier
    // versions call them, for processes of an earlier version that still run: these read both from the document.
    static let version4Commits = """
        CREATE OR REPLACE FUNCTION acp_commit_run(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, p_detailed text, p_changed timestamptz, OUT outcome text, OUT event_count bigint
        ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            r record;
            total bigint := p_expecting + cardinality(p_events);
            fits boolean := p_snapshot IS NULL OR p_covered BETWEEN 0 AND total;
        BEGIN
            IF p_snapshot IS NOT NULL AND p_detailed IS NULL THEN
                SELECT detailed, changed INTO p_detailed, p_changed FROM acp_status_change(p_status, p_created, p_snapshot);
            END IF;
            LOOP
                SELECT key, owner_process, owner_token INTO r FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
                EXIT WHEN FOUND;
                event_count := 0;
                outcome := CASE WHEN p_expecting <> 0 OR p_snapshot IS NULL THEN 'missing' WHEN NOT fits THEN 'covered' END;
                IF outcome IS NOT NULL THEN RETURN; END IF;
                INSERT INTO acp_runs (
                    id, agent_name, session_id, status, created_at, ended_at, owner_process, owner_token,
                    covered_events, snapshot, input, detailed_status, status_changed_at
                ) VALUES (
                    p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
                    p_process, p_token, p_covered, p_snapshot, p_input, p_detailed, p_changed
                ) ON CONFLICT (id) DO NOTHING RETURNING key INTO r;
                IF FOUND THEN
                    PERFORM acp_append_events(r.key, 0, p_events);
                    outcome := 'done';
                    RETURN;
                END IF;
                -- Another transaction created it at the same moment: look again.
            END LOOP;
            IF r.owner_process IS DISTINCT FROM p_process OR r.owner_token IS DISTINCT FROM p_token THEN
                outcome := 'fenced';
                RETURN;
            END IF;
            SELECT coalesce(max(position) + 1, 0) INTO event_count FROM acp_events WHERE run = r.key;
            outcome := CASE
                WHEN event_count = total AND event_count <> p_expecting THEN 'done'
                WHEN event_count <> p_expecting THEN 'conflict'
                WHEN NOT fits THEN 'covered'
            END;
            IF outcome IS NOT NULL THEN RETURN; END IF;
            PERFORM acp_append_events(r.key, p_expecting, p_events);
            IF p_snapshot IS NOT NULL THEN
                UPDATE acp_runs SET
                    agent_name = p_agent, session_id = p_session, status = p_status, created_at = p_created,
                    ended_at = CASE WHEN p_ended THEN coalesce(ended_at, clock_timestamp()) END,
                    covered_events = p_covered, snapshot = p_snapshot,
                    detailed_status = p_detailed, status_changed_at = p_changed
                WHERE key = r.key;
            END IF;
            outcome := 'done';
        END $body$;

        CREATE OR REPLACE FUNCTION acp_commit_run_with_contents(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, p_detailed text, p_changed timestamptz,
            p_digests text[], p_contents bytea[], OUT outcome text, OUT event_count bigint
        ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            c record;
        BEGIN
            SELECT * INTO c FROM acp_commit_run(
                p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
                p_created, p_ended, p_input, p_detailed, p_changed);
            outcome := c.outcome;
            event_count := c.event_count;
            IF outcome = 'done' THEN
                INSERT INTO acp_run_contents (run, digest, content)
                SELECT r.key, t.d, t.b FROM acp_runs AS r, unnest(p_digests, p_contents) AS t (d, b) WHERE r.id = p_run
                ON CONFLICT DO NOTHING;
            END IF;
        END $body$;

        CREATE OR REPLACE FUNCTION acp_commit_run_end(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, p_detailed text, p_changed timestamptz,
            p_digests text[], p_contents bytea[], OUT outcome text, OUT event_count bigint
        ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            run_key bigint;
            c record;
        BEGIN
            SELECT key INTO run_key FROM acp_runs
            WHERE id = p_run AND owner_process = p_process AND owner_token = p_token FOR NO KEY UPDATE;
            IF FOUND AND EXISTS (SELECT FROM acp_signals WHERE run = run_key AND key = 'cancel') THEN
                SELECT coalesce(max(position) + 1, 0) INTO event_count FROM acp_events WHERE run = run_key;
                IF event_count = p_expecting THEN
                    outcome := 'cancelled';
                    RETURN;
                END IF;
            END IF;
            IF cardinality(p_digests) > 0 THEN
                SELECT * INTO c FROM acp_commit_run_with_contents(
                    p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
                    p_created, p_ended, p_input, p_detailed, p_changed, p_digests, p_contents);
            ELSE
                SELECT * INTO c FROM acp_commit_run(
                    p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
                    p_created, p_ended, p_input, p_detailed, p_changed);
            END IF;
            outcome := c.outcome;
            event_count := c.event_count;
        END $body$;

        CREATE OR REPLACE FUNCTION acp_store_run(
            p_run text, p_snapshot bytea, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_detailed text, p_changed timestamptz
        ) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            run_key bigint;
        BEGIN
            IF p_detailed IS NULL THEN
                SELECT detailed, changed INTO p_detailed, p_changed FROM acp_status_change(p_status, p_created, p_snapshot);
            END IF;
            LOOP
                SELECT key INTO run_key FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
                IF FOUND THEN
                    UPDATE acp_runs SET
                        agent_name = p_agent, session_id = p_session, status = p_status, created_at = p_created,
                        ended_at = CASE WHEN p_ended THEN coalesce(ended_at, clock_timestamp()) END,
                        snapshot = p_snapshot, detailed_status = p_detailed, status_changed_at = p_changed,
                        covered_events = (SELECT coalesce(max(position) + 1, 0) FROM acp_events WHERE run = run_key)
                    WHERE key = run_key;
                    EXIT;
                END IF;
                INSERT INTO acp_runs (
                    id, agent_name, session_id, status, created_at, ended_at, covered_events, snapshot,
                    detailed_status, status_changed_at
                ) VALUES (
                    p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
                    0, p_snapshot, p_detailed, p_changed
                ) ON CONFLICT (id) DO NOTHING;
                EXIT WHEN FOUND;
            END LOOP;
            PERFORM acp_notify('c', p_run);
        END $body$;

        CREATE OR REPLACE FUNCTION acp_commit(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, OUT outcome text, OUT event_count bigint
        ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            c record;
        BEGIN
            SELECT * INTO c FROM acp_commit_run(
                p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
                p_created, p_ended, p_input, NULL, NULL);
            outcome := c.outcome;
            event_count := c.event_count;
        END $body$;

        CREATE OR REPLACE FUNCTION acp_save_run(
            p_run text, p_snapshot bytea, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean
        ) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            PERFORM acp_store_run(p_run, p_snapshot, p_agent, p_session, p_status, p_created, p_ended, NULL, NULL);
        END $body$;
        """
}
