// SPDX-License-Identifier: Apache-2.0

extension Schema {
    // The status of each run with the distinctions of `DetailedRunStatus`, and when it changed.
    static let version4Statuses = """
        -- The status of a document, for runs of earlier versions, and for processes of an earlier version that still run.
        CREATE OR REPLACE FUNCTION acp_status_change(
            p_status text, p_created timestamptz, p_snapshot bytea, OUT detailed text, OUT changed timestamptz
        ) LANGUAGE plpgsql AS $body$
        DECLARE
            document jsonb;
        BEGIN
            detailed := p_status;
            changed := p_created;
            -- JSONB does not support the NUL character.
            document := replace(convert_from(p_snapshot, 'UTF8'), '\\u0000', '')::jsonb;
            detailed := CASE
                WHEN p_status = 'failed' AND document #>> '{error,code}' = 'rejected' THEN 'rejected'
                WHEN p_status = 'awaiting' AND document #>> '{await_request,message,await}' = 'authentication'
                    THEN 'awaiting-authentication'
                ELSE p_status
            END;
            changed := coalesce(
                (document ->> 'status_changed_at')::timestamptz, (document ->> 'finished_at')::timestamptz, p_created);
        EXCEPTION WHEN OTHERS THEN
            NULL; -- A document that cannot be read.
        END $body$;

        ALTER TABLE acp_runs
            ADD COLUMN IF NOT EXISTS detailed_status text COLLATE "C",
            ADD COLUMN IF NOT EXISTS status_changed_at timestamptz;
        UPDATE acp_runs SET (detailed_status, status_changed_at) = (
            SELECT detailed, changed FROM acp_status_change(status, created_at, snapshot)
        ) WHERE detailed_status IS NULL;
        ALTER TABLE acp_runs
            ALTER COLUMN detailed_status SET NOT NULL, ALTER COLUMN status_changed_at SET NOT NULL;
        CREATE INDEX IF NOT EXISTS acp_runs_by_status ON acp_runs (agent_name, detailed_status, status_changed_at, id);
        """

    // The numbers of ended runs, by agent, status and ranges of time: see `CountedRanges`. Each number is divided among
    // sixteen rows, as in `acp_run_counts`. Runs that have not ended are counted in the index.
    static let version4Counts = """
        CREATE TABLE IF NOT EXISTS acp_status_counts (
            agent_name text COLLATE "C" NOT NULL,
            status text COLLATE "C" NOT NULL,
            level integer NOT NULL,
            period bigint NOT NULL,
            part integer NOT NULL,
            runs bigint NOT NULL,
            PRIMARY KEY (agent_name, status, level, period, part)
        ) WITH (fillfactor = 50);
        DELETE FROM acp_status_counts;
        INSERT INTO acp_status_counts
            SELECT agent_name, detailed_status, level, (extract(epoch FROM status_changed_at) * 1000000)::bigint >> bits,
                0, count(*)
            FROM acp_runs CROSS JOIN (VALUES (0, 36), (1, 26)) AS levels (level, bits)
            WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3, 4;

        CREATE OR REPLACE FUNCTION acp_count_status(
            p_agent text, p_status text, p_changed timestamptz, p_change bigint
        ) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        DECLARE
            part integer := pg_backend_pid() % 16;
            t bigint := extract(epoch FROM p_changed) * 1000000;
        BEGIN
            INSERT INTO acp_status_counts AS c VALUES
                (p_agent, p_status, 0, t >> 36, part, p_change), (p_agent, p_status, 1, t >> 26, part, p_change)
            ON CONFLICT ON CONSTRAINT acp_status_counts_pkey DO UPDATE SET runs = c.runs + excluded.runs;
        END $body$;

        CREATE OR REPLACE FUNCTION acp_count_statuses() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                IF OLD.ended_at IS NOT NULL THEN
                    PERFORM acp_count_status(OLD.agent_name, OLD.detailed_status, OLD.status_changed_at, -1);
                END IF;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                IF NEW.ended_at IS NOT NULL THEN
                    PERFORM acp_count_status(NEW.agent_name, NEW.detailed_status, NEW.status_changed_at, 1);
                END IF;
            END IF;
            RETURN NULL;
        END $body$;
        CREATE OR REPLACE TRIGGER acp_runs_status_added AFTER INSERT ON acp_runs
            FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION acp_count_statuses();
        CREATE OR REPLACE TRIGGER acp_runs_status_removed AFTER DELETE ON acp_runs
            FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION acp_count_statuses();
        CREATE OR REPLACE TRIGGER acp_runs_status_changed
            AFTER UPDATE OF agent_name, detailed_status, status_changed_at, ended_at ON acp_runs
            FOR EACH ROW WHEN (
                (OLD.ended_at IS NOT NULL OR NEW.ended_at IS NOT NULL)
                AND (OLD.agent_name, OLD.detailed_status, OLD.status_changed_at, OLD.ended_at IS NULL)
                    IS DISTINCT FROM (NEW.agent_name, NEW.detailed_status, NEW.status_changed_at, NEW.ended_at IS NULL)
            ) EXECUTE FUNCTION acp_count_statuses();
        """
}
