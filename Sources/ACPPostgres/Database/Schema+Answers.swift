// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// The SQLSTATE with which `acp_require_unanswered` rejects a commit.
    static let answeredState = "AC001"

    // Precedes a commit that fails a run for want of an answer, in the same transaction. Fails if an answer is stored,
    // unless the commit is rejected for another reason, or is stored already. Sending a signal locks the run's row as this
    // function does, so that one of the two is first, and the other sees it.
    static let version5Answers = """
        CREATE OR REPLACE FUNCTION acp_require_unanswered(
            p_run text, p_expecting bigint, p_process text, p_token text, p_answer text
        ) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            run_key bigint;
        BEGIN
            SELECT key INTO run_key FROM acp_runs
            WHERE id = p_run AND owner_process = p_process AND owner_token = p_token FOR NO KEY UPDATE;
            IF FOUND AND EXISTS (SELECT FROM acp_signals WHERE run = run_key AND key = p_answer)
                AND NOT EXISTS (SELECT FROM acp_signals WHERE run = run_key AND key = 'cancel')
                AND p_expecting = (SELECT coalesce(max(position) + 1, 0) FROM acp_events WHERE run = run_key)
            THEN
                RAISE EXCEPTION 'the question of run % was answered', p_run USING ERRCODE = '\(answeredState)';
            END IF;
        END $body$;
        """
}
