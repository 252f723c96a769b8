// SPDX-License-Identifier: Apache-2.0

extension Schema {
    // Contents to which documents refer instead of containing them. They are deleted with their run or session.
    //
    // Most commits contain none: they call the functions of version 1.
    static let version2Contents = """
        CREATE TABLE acp_run_contents (
            run bigint NOT NULL REFERENCES acp_runs (key) ON DELETE CASCADE,
            digest text COLLATE "C" NOT NULL,
            content bytea NOT NULL,
            PRIMARY KEY (run, digest)
        );
        CREATE TABLE acp_session_contents (
            session bigint NOT NULL REFERENCES acp_sessions (key) ON DELETE CASCADE,
            digest text COLLATE "C" NOT NULL,
            content bytea NOT NULL,
            PRIMARY KEY (session, digest)
        );

        CREATE FUNCTION acp_commit_with_contents(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, p_digests text[], p_contents bytea[], OUT outcome text, OUT event_count bigint
        ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            c record;
        BEGIN
            SELECT * INTO c FROM acp_commit(
                p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
                p_created, p_ended, p_input);
            outcome := c.outcome;
            event_count := c.event_count;
            IF outcome = 'done' THEN
                INSERT INTO acp_run_contents (run, digest, content)
                SELECT r.key, t.d, t.b FROM acp_runs AS r, unnest(p_digests, p_contents) AS t (d, b) WHERE r.id = p_run
                ON CONFLICT DO NOTHING;
            END IF;
        END $body$;

        -- If the block was stored before, its contents were too.
        CREATE FUNCTION acp_append_history_with_contents(
            p_session text, p_keys text[], p_sizes bigint[], p_entries bytea[], p_digests text[], p_contents bytea[]
        ) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            PERFORM acp_append_history(p_session, p_keys, p_sizes, p_entries);
            INSERT INTO acp_session_contents (session, digest, content)
            SELECT s.key, t.d, t.b FROM acp_sessions AS s, unnest(p_digests, p_contents) AS t (d, b) WHERE s.id = p_session
            ON CONFLICT DO NOTHING;
        END $body$;
        """
}
