// SPDX-License-Identifier: Apache-2.0

extension Schema {
    // A commit that ends a run otherwise than as cancelled. It is rejected if a cancel signal is stored, unless the
    // commit is stored already. Sending a signal locks the run's row as this function does, so that one of the two is
    // first, and the other sees it.
    //
    // All other commits call the functions of earlier versions.
    static let version3Ends = """
        CREATE FUNCTION acp_commit_end(
            p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text,
            p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamptz,
            p_ended boolean, p_input bytea, p_digests text[], p_contents bytea[], OUT outcome text, OUT event_count bigint
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
                SELECT * INTO c FROM acp_commit_with_contents(
                    p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
                    p_created, p_ended, p_input, p_digests, p_contents);
            ELSE
                SELECT * INTO c FROM acp_commit(
                    p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
                    p_created, p_ended, p_input);
            END IF;
            outcome := c.outcome;
            event_count := c.event_count;
        END $body$;
        """
}
