// SPDX-License-Identifier: Apache-2.0

extension Schema {
    // Operations that read before they write are functions: one statement, one transaction, one round trip. All of them
    // lock the row of the run or session first, so that what they read does not change until they end.
    static let version1Runs = """
        CREATE FUNCTION acp_notify(kind text, payload text) RETURNS void
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            -- The oid of the table distinguishes storages in several schemas of a database.
            PERFORM pg_notify('acp_' || 'acp_runs'::regclass::oid::text, kind || payload);
        END $body$;

        CREATE FUNCTION acp_append_events(run_key bigint, start bigint, new_events bytea[]) RETURNS void
        LANGUAGE sql SET search_path FROM CURRENT AS $body$
            INSERT INTO acp_events (run, position, event)
            SELECT run_key, (start + n - 1)::integer, e FROM unnest(new_events) WITH ORDINALITY AS t (e, n)
        $body$;

        -- Does not notify: transactions that notify commit one at a time, each waiting for the disk. The notification
        -- follows in a transaction of its own, in the same round trip.
        CREATE FUNCTION acp_commit(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, OUT outcome text, OUT event_count bigint
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
                    covered_events, snapshot, input
                ) VALUES (
                    p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
                    p_process, p_token, p_covered, p_snapshot, p_input
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
                    covered_events = p_covered, snapshot = p_snapshot
                WHERE key = r.key;
            END IF;
            outcome := 'done';
        END $body$;

        CREATE FUNCTION acp_save_run(
            p_run text, p_snapshot bytea, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean
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
                        snapshot = p_snapshot,
                        covered_events = (SELECT coalesce(max(position) + 1, 0) FROM acp_events WHERE run = run_key)
                    WHERE key = run_key;
                    EXIT;
                END IF;
                INSERT INTO acp_runs (
                    id, agent_name, session_id, status, created_at, ended_at, covered_events, snapshot
                ) VALUES (
                    p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
                    0, p_snapshot
                ) ON CONFLICT (id) DO NOTHING;
                EXIT WHEN FOUND;
            END LOOP;
            PERFORM acp_notify('c', p_run);
        END $body$;

        CREATE FUNCTION acp_append_event(p_run text, p_event bytea) RETURNS boolean
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            run_key bigint;
        BEGIN
            SELECT key INTO run_key FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
            IF NOT FOUND THEN RETURN false; END IF;
            INSERT INTO acp_events (run, position, event)
            SELECT run_key, coalesce(max(position) + 1, 0), p_event FROM acp_events WHERE run = run_key;
            PERFORM acp_notify('c', p_run);
            RETURN true;
        END $body$;
        """

    static let version1Sessions = """
        CREATE FUNCTION acp_save_session(
            p_session text, p_expecting bigint, p_metadata bytea, p_content_type text, p_state bytea,
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
                        state_content_type = p_content_type, state = p_state
                    WHERE key = s.key;
                    RETURN;
                END IF;
                INSERT INTO acp_sessions (id, used_at, version, metadata, state_content_type, state)
                VALUES (p_session, clock_timestamp(), 1, p_metadata, p_content_type, p_state)
                ON CONFLICT (id) DO NOTHING;
                IF FOUND THEN
                    new_version := 1;
                    RETURN;
                END IF;
            END LOOP;
        END $body$;

        CREATE FUNCTION acp_append_history(p_session text, p_keys text[], p_sizes bigint[], p_entries bytea[])
        RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            s record;
            start bigint := 0;
        BEGIN
            -- Appending nothing does not create a session.
            IF cardinality(p_keys) = 0 THEN
                UPDATE acp_sessions SET used_at = clock_timestamp() WHERE id = p_session;
                RETURN;
            END IF;
            INSERT INTO acp_sessions AS t (id, used_at) VALUES (p_session, clock_timestamp())
            ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at
            RETURNING t.key, t.history_count INTO s;
            FOR number IN 1 .. cardinality(p_keys) LOOP
                INSERT INTO acp_history_blocks (session, key) VALUES (s.key, p_keys[number]) ON CONFLICT DO NOTHING;
                IF FOUND THEN
                    INSERT INTO acp_history (session, position, entry)
                    SELECT s.key, s.history_count + n - 1, e
                    FROM unnest(p_entries[start + 1 : start + p_sizes[number]]) WITH ORDINALITY AS t (e, n);
                    s.history_count := s.history_count + p_sizes[number];
                END IF;
                start := start + p_sizes[number];
            END LOOP;
            UPDATE acp_sessions SET history_count = s.history_count
            WHERE key = s.key AND history_count <> s.history_count;
        END $body$;
        """

    static let version1Coordination = """
        CREATE FUNCTION acp_send(p_run text, p_key text, p_signal bytea) RETURNS boolean
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            r record;
            is_new boolean;
            owner text;
        BEGIN
            SELECT key, owner_process INTO r FROM acp_runs WHERE id = p_run FOR SHARE;
            IF NOT FOUND THEN RETURN NULL; END IF;
            INSERT INTO acp_signals (run, key, signal) VALUES (r.key, p_key, p_signal) ON CONFLICT DO NOTHING;
            is_new := FOUND;
            -- The lock blocks claims: a process that claims the run later finds the signal. If a name is too long for a
            -- notification, all processes are notified.
            owner := CASE WHEN octet_length(r.owner_process) < 4000 THEN r.owner_process ELSE '' END;
            PERFORM acp_notify('s', p_run || ' ' || coalesce(owner, ''));
            RETURN is_new;
        END $body$;

        CREATE FUNCTION acp_leave(p_process text) RETURNS void
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            INSERT INTO acp_processes (id, expires_at) VALUES (p_process, clock_timestamp())
            ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at;
            PERFORM acp_notify('d', CASE WHEN octet_length(p_process) < 4000 THEN p_process ELSE '' END);
        END $body$;

        -- The queue of a session is changed by one transaction at a time: others wait for the lock.
        CREATE FUNCTION acp_enqueue(p_session text, p_run text) RETURNS text
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended(p_session, 'acp_turns'::regclass::oid::bigint));
            INSERT INTO acp_turns (session, position, run)
            SELECT p_session, coalesce(max(position) + 1, 0), p_run FROM acp_turns WHERE session = p_session
            ON CONFLICT (session, run) DO NOTHING;
            RETURN (SELECT run FROM acp_turns WHERE session = p_session ORDER BY position LIMIT 1);
        END $body$;

        CREATE FUNCTION acp_dequeue(p_session text, p_run text) RETURNS text
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended(p_session, 'acp_turns'::regclass::oid::bigint));
            DELETE FROM acp_turns WHERE session = p_session AND run = p_run;
            RETURN (SELECT run FROM acp_turns WHERE session = p_session ORDER BY position LIMIT 1);
        END $body$;
        """
}
