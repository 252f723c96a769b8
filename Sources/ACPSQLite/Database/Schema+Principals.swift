// SPDX-License-Identifier: Apache-2.0

import GRDB

extension Schema {
    // The principals of runs and sessions. The indexes of a principal's runs, and their numbers, cost nothing for runs
    // without a principal: neither an entry nor a row.
    //
    // The numbers are in the tables of the numbers of all runs: of a principal's runs as the listing 'principal', and of
    // those of an agent under the name of the agent, a space and the principal. No agent has a space in its name.
    static func migrateToVersion4(_ db: Database) throws { try db.execute(sql: version4) }

    private static let version4 = """
        ALTER TABLE acp_runs ADD COLUMN principal TEXT;
        ALTER TABLE acp_sessions ADD COLUMN principal TEXT;

        CREATE INDEX acp_runs_of_principal ON acp_runs (principal, created_at, id) WHERE principal IS NOT NULL;
        CREATE INDEX acp_runs_of_principal_by_agent ON acp_runs (principal, agent_name, created_at, id)
            WHERE principal IS NOT NULL;
        CREATE INDEX acp_runs_of_principal_by_session ON acp_runs (principal, session_id, created_at, id)
            WHERE principal IS NOT NULL AND session_id IS NOT NULL;
        CREATE INDEX acp_runs_of_principal_unfinished ON acp_runs (principal, status, created_at, id, ended_at)
            WHERE principal IS NOT NULL AND ended_at IS NULL;
        CREATE INDEX acp_runs_of_principal_by_status
            ON acp_runs (principal, agent_name, detailed_status, status_changed_at, id) WHERE principal IS NOT NULL;

        CREATE TRIGGER acp_runs_of_principal_added AFTER INSERT ON acp_runs WHEN NEW.principal IS NOT NULL BEGIN
            \(countNew)
        END;
        CREATE TRIGGER acp_runs_of_principal_removed AFTER DELETE ON acp_runs WHEN OLD.principal IS NOT NULL BEGIN
            \(discountOld)
        END;
        CREATE TRIGGER acp_runs_of_principal_entered AFTER UPDATE OF principal, agent_name ON acp_runs
        WHEN NEW.principal IS NOT NULL AND (OLD.principal IS NOT NEW.principal OR OLD.agent_name <> NEW.agent_name) BEGIN
            \(countNew)
        END;
        CREATE TRIGGER acp_runs_of_principal_left AFTER UPDATE OF principal, agent_name ON acp_runs
        WHEN OLD.principal IS NOT NULL AND (OLD.principal IS NOT NEW.principal OR OLD.agent_name <> NEW.agent_name) BEGIN
            \(discountOld)
        END;

        CREATE TRIGGER acp_runs_of_principal_status_added AFTER INSERT ON acp_runs
        WHEN NEW.principal IS NOT NULL AND NEW.ended_at IS NOT NULL BEGIN
            \(countNewStatus)
        END;
        CREATE TRIGGER acp_runs_of_principal_status_removed AFTER DELETE ON acp_runs
        WHEN OLD.principal IS NOT NULL AND OLD.ended_at IS NOT NULL BEGIN
            \(discountOldStatus)
        END;
        CREATE TRIGGER acp_runs_of_principal_status_entered
        AFTER UPDATE OF principal, agent_name, detailed_status, status_changed_at, ended_at ON acp_runs
        WHEN NEW.principal IS NOT NULL AND NEW.ended_at IS NOT NULL BEGIN
            \(countNewStatus)
        END;
        CREATE TRIGGER acp_runs_of_principal_status_left
        AFTER UPDATE OF principal, agent_name, detailed_status, status_changed_at, ended_at ON acp_runs
        WHEN OLD.principal IS NOT NULL AND OLD.ended_at IS NOT NULL BEGIN
            \(discountOldStatus)
        END;
        """

    private static let countNew = """
        INSERT INTO acp_run_counts VALUES
            ('principal', NEW.principal, 1), ('agent of principal', NEW.agent_name || ' ' || NEW.principal, 1)
            ON CONFLICT DO UPDATE SET runs = runs + 1;
        """

    private static let discountOld = """
        UPDATE acp_run_counts SET runs = runs - 1 WHERE listing = 'principal' AND name = OLD.principal;
        UPDATE acp_run_counts SET runs = runs - 1
        WHERE listing = 'agent of principal' AND name = OLD.agent_name || ' ' || OLD.principal;
        DELETE FROM acp_run_counts WHERE listing = 'principal' AND name = OLD.principal AND runs <= 0;
        DELETE FROM acp_run_counts
        WHERE listing = 'agent of principal' AND name = OLD.agent_name || ' ' || OLD.principal AND runs <= 0;
        """

    private static let countNewStatus = """
        INSERT INTO acp_status_counts VALUES
            (NEW.agent_name || ' ' || NEW.principal, NEW.detailed_status, 0, NEW.status_changed_at >> 36, 1),
            (NEW.agent_name || ' ' || NEW.principal, NEW.detailed_status, 1, NEW.status_changed_at >> 26, 1)
            ON CONFLICT DO UPDATE SET runs = runs + 1;
        """

    private static let discountOldStatus = """
        UPDATE acp_status_counts SET runs = runs - 1
        WHERE agent_name = OLD.agent_name || ' ' || OLD.principal AND status = OLD.detailed_status AND level = 0
            AND period = OLD.status_changed_at >> 36;
        UPDATE acp_status_counts SET runs = runs - 1
        WHERE agent_name = OLD.agent_name || ' ' || OLD.principal AND status = OLD.detailed_status AND level = 1
            AND period = OLD.status_changed_at >> 26;
        DELETE FROM acp_status_counts
        WHERE agent_name = OLD.agent_name || ' ' || OLD.principal AND status = OLD.detailed_status AND level = 0
            AND period = OLD.status_changed_at >> 36 AND runs <= 0;
        DELETE FROM acp_status_counts
        WHERE agent_name = OLD.agent_name || ' ' || OLD.principal AND status = OLD.detailed_status AND level = 1
            AND period = OLD.status_changed_at >> 26 AND runs <= 0;
        """
}
