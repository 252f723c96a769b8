// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

extension PostgresStorage {
    // MARK: Writing

    /// Saves a run. It becomes the snapshot that covers all stored events.
    public func save(_ run: Run, json: [UInt8]) async throws {
        _ = try await database.write(
            "Saving run \(run.id)", isRepeatable: true,
            """
            SELECT acp_replace_run(
                $1::text, $2::bytea, $3::text, $4::text, $5::text, $6::timestamptz, $7::boolean, $8::text,
                $9::timestamptz, $10::text)
            """,
            [
                .text(run.id.rawValue), .bytes(json), .text(run.agentName.rawValue),
                .text(run.sessionID?.rawValue), .text(run.status.rawValue), .time(run.createdAt),
                .bool(run.status.isTerminal), .text(run.detailedStatus.rawValue), .time(run.statusTimestamp),
                .text(run.principal?.rawValue),
            ])
        postgresCoordination.runDidChange(run.id)
    }

    /// Appends an event to a run.
    public func append(_ event: EncodedEvent, to run: RunID) async throws {
        let rows = try await database.write(
            "Appending to run \(run)", isRepeatable: false,
            """
            SELECT CASE WHEN covered_events <= (SELECT coalesce(max(position) + 1, 0) FROM acp_events WHERE run = key)
                THEN acp_append_event($1::text, $2::bytea) END
            FROM acp_runs WHERE id = $1::text
            """, [.text(run.rawValue), .bytes(event.json)])
        if rows.first?.isNull(0) == true, let missing = try await missingPart(of: run) {
            throw StorageError.incomplete(run, missing: missing)
        }
        guard rows.first?.bool(0) == true else { throw StorageError.notSaved(run) }
        postgresCoordination.runDidChange(run)
    }

    /// Deletes a run with its events, its input, its signals and its entries in every listing, and returns whether it
    /// existed.
    ///
    /// With `forGood`, commits cannot create it again for `RunCommit.deletionPeriod`.
    @discardableResult
    public func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        let period = forGood ? RunCommit.deletionPeriod.wholeMilliseconds : 0
        let rows = try await database.write(
            "Deleting run \(run)", isRepeatable: false, "SELECT acp_delete_run($1::text, $2::bigint)",
            [.text(run.rawValue), .int(period)])
        guard rows.first?.bool(0) == true else { return false }
        postgresCoordination.runDidChange(run)
        return true
    }

    // MARK: Reading

    /// Returns a run with everything needed to continue it, or `nil` if it does not exist.
    public func storedRun(_ run: RunID) async throws -> StoredRun? {
        let rows = try await database.read(
            "Reading run \(run)", "SELECT \(Self.recordColumns) FROM acp_runs WHERE id = $1::text",
            [.text(run.rawValue)])
        return try rows.first.map { try Self.stored($0) }
    }

    /// The columns that ``stored(_:)`` reads, in order. The events are read with the row, so that all data is from one
    /// moment.
    static let recordColumns = """
        id, owner_process, owner_token, covered_events, snapshot,
        ARRAY(SELECT event FROM acp_events WHERE run = acp_runs.key AND position >= covered_events ORDER BY position)
        """

    static func stored(_ row: ResultSet.Row) throws(StorageError) -> StoredRun {
        let id = try runID(row.text(0))
        var owner: RunOwner?
        if let process = row.anyText(1), let token = row.anyText(2) {
            owner = RunOwner(process: ProcessID(rawValue: process), token: token)
        }
        let covered = row.int(3) ?? 0
        let events = try decode(row.array(5), of: id, from: covered)
        return StoredRun(
            id: id, snapshot: Encoded(json: row.bytes(4) ?? []), coveredEvents: covered, laterEvents: events,
            owner: owner)
    }

    private static func decode(
        _ stored: [[UInt8]], of run: RunID, from position: Int
    ) throws(StorageError) -> [EncodedEvent] {
        var events: [EncodedEvent] = []
        events.reserveCapacity(stored.count)
        for json in stored {
            events.append(try EncodedEvent(stored: json, as: "event \(position + events.count) of run \(run)"))
        }
        return events
    }

    /// Returns the input of a run, or `nil` if there is none.
    public func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        let rows = try await database.read(
            "Reading the input of run \(run)",
            "SELECT input FROM acp_runs WHERE id = $1::text AND input IS NOT NULL", [.text(run.rawValue)])
        return rows.first.map { Encoded(json: $0.bytes(0) ?? []) }
    }

    /// Returns the events of a run from an index onward, oldest first.
    public func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        let offset = max(0, offset)
        let rows = try await database.read(
            "Reading the events of run \(run)",
            """
            SELECT event, position::bigint FROM acp_events
            WHERE run = (SELECT key FROM acp_runs WHERE id = $1::text) AND position >= $2::bigint
            ORDER BY position LIMIT $3::bigint
            """, [.text(run.rawValue), .int(offset), .int(limit.map { max(0, $0) })])
        // Only consecutive events.
        let whole = rows.rows.enumerated().prefix { $0.element.int(1) == offset + $0.offset }
        if whole.isEmpty, rows.count > 0 {
            throw StorageError.incomplete(run, missing: "event \(offset) (a row of acp_events)")
        }
        return try Self.decode(whole.map { $0.element.bytes(0) ?? [] }, of: run, from: offset)
    }

    /// Returns the number of events of a run, or 0 if there is no such run.
    public func eventCount(of run: RunID) async throws -> Int {
        let rows = try await database.read(
            "Counting the events of run \(run)",
            """
            SELECT coalesce(max(position) + 1, 0)::bigint FROM acp_events
            WHERE run = (SELECT key FROM acp_runs WHERE id = $1::text)
            """, [.text(run.rawValue)])
        return rows.first?.int(0) ?? 0
    }

    /// Returns what is missing of a run's events, or `nil` if nothing is.
    func missingPart(of run: RunID) async throws(StorageError) -> String? {
        let rows = try await database.read(
            "Counting the events of run \(run)",
            """
            SELECT key, (SELECT count(*) FROM acp_events WHERE run = key)::bigint,
                greatest(covered_events, (SELECT max(position) + 1 FROM acp_events WHERE run = key))::bigint
            FROM acp_runs WHERE id = $1::text
            """, [.text(run.rawValue)])
        guard let row = rows.first, let key = row.int(0), let found = row.int(1), let count = row.int(2), found < count
        else { return nil }
        return "a part of its events (rows of acp_events with run = \(key); \(found) of at least \(count) are there)"
    }

    // MARK: Owners

    /// Changes the owner of a run if it has the expected owner, and returns whether it did.
    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        let rows = try await database.write(
            "Claiming run \(run)", isRepeatable: false,
            """
            UPDATE acp_runs SET owner_process = $2::text, owner_token = $3::text
            WHERE id = $1::text AND owner_process IS NOT DISTINCT FROM $4::text
                AND owner_token IS NOT DISTINCT FROM $5::text
            RETURNING key
            """,
            [
                .text(run.rawValue), .anyText(owner.process.rawValue), .anyText(owner.token),
                .anyText(current?.process.rawValue), .anyText(current?.token),
            ])
        return rows.count > 0
    }

    /// Returns at most `limit` of the unfinished runs that a process owns.
    public func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        let rows = try await database.read(
            "Reading the runs of process \(process)",
            "SELECT id FROM acp_runs WHERE owner_process = $1::text AND ended_at IS NULL LIMIT $2::bigint",
            [.anyText(process.rawValue), .int(max(0, limit))])
        return try rows.rows.map { try runID($0.text(0)) }
    }
}

/// Returns the run id in a column.
func runID(_ text: String?) throws(StorageError) -> RunID {
    guard let id = text.flatMap({ RunID(rawValue: $0) }) else {
        throw StorageError(.corruptData, "\"\((text ?? "").prefix(140))\" in the tables of runs is not a run id")
    }
    return id
}
