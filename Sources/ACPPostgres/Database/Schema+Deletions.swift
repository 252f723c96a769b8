// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// The SQLSTATE with which the creation of a run that was deleted for good is rejected.
    static let deletedState = "AC002"

    // The runs that were deleted for good, with the time until which they are not created again.
    //
    // A trigger checks it, so that it is checked for processes of earlier versions as well. It looks after the row is
    // inserted: an insertion that waits until a deletion has ended sees what that deletion has stored. Runs without an
    // owner are saved by hand, which is always allowed.
    static let version6Deletions = """
        CREATE TABLE IF NOT EXISTS acp_deleted_runs (
            id text COLLATE "C" PRIMARY KEY,
            until timestamptz NOT NULL
        );
        CREATE INDEX IF NOT EXISTS acp_deleted_runs_by_time ON acp_deleted_runs (until);

        CREATE OR REPLACE FUNCTION acp_refuse_deleted() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            IF EXISTS (SELECT FROM acp_deleted_runs WHERE id = NEW.id AND until > clock_timestamp()) THEN
                RAISE EXCEPTION 'run % was deleted', NEW.id USING ERRCODE = '\(deletedState)';
            END IF;
            RETURN NULL;
        END $body$;
        CREATE OR REPLACE TRIGGER acp_runs_deleted_before AFTER INSERT ON acp_runs
            FOR EACH ROW WHEN (NEW.owner_process IS NOT NULL) EXECUTE FUNCTION acp_refuse_deleted();

        CREATE OR REPLACE FUNCTION acp_delete_run(p_run text, p_milliseconds bigint) RETURNS boolean
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            DELETE FROM acp_runs WHERE id = p_run;
            IF NOT FOUND THEN RETURN false; END IF;
            IF p_milliseconds > 0 THEN
                -- Some whose time is over are forgotten with each new one.
                DELETE FROM acp_deleted_runs WHERE id IN (
                    SELECT id FROM acp_deleted_runs WHERE until <= clock_timestamp() ORDER BY until LIMIT 100
                    FOR UPDATE SKIP LOCKED);
                INSERT INTO acp_deleted_runs AS d (id, until)
                VALUES (p_run, clock_timestamp() + p_milliseconds * interval '1 millisecond')
                ON CONFLICT (id) DO UPDATE SET until = excluded.until;
            END IF;
            PERFORM acp_notify('c', p_run);
            RETURN true;
        END $body$;
        """
}
