// SPDX-License-Identifier: Apache-2.0

public import ACPCore

// The methods for callers: they encode and decode values for all backends.

extension Storage {
    /// Returns the document's description.
    public func name(of document: StoredDocument) -> String { document.description }

    // MARK: Runs

    /// Returns a run with everything that is required to continue it, or `nil` if there is no such run.
    ///
    /// - Throws: ``StorageError`` with code `corruptData` if the run cannot be decoded, as in all methods below.
    public func record(of run: RunID) async throws -> RunRecord? {
        try await storedRun(run)?.record(name(of: .run(run)))
    }

    /// Returns the current state of a run, or `nil` if there is no such run.
    public func run(_ id: RunID) async throws -> Run? {
        try await record(of: id)?.run()
    }

    /// Returns one page of runs in their current state, newest first, and the total number of runs.
    public func runs(_ query: RunQuery) async throws -> StoragePage<Run> {
        try await storedRuns(query).map { run throws(StorageError) in
            try run.record(name(of: .run(run.id))).run()
        }
    }

    /// Returns the input of a run, or `nil` if there is no such run or it has no input.
    public func input(of run: RunID) async throws -> [Message]? {
        try await storedInput(of: run)?.decode(name(of: .input(run)))
    }

    /// Saves a run, for programs that use the storage without an engine: see ``save(_:json:)``.
    ///
    /// - Throws: ``StorageError`` with code `refused` if the run holds a value that JSON cannot represent.
    public func save(_ run: Run) async throws {
        try await save(run, json: Encoded(run, as: StoredDocument.run(run.id).description).json)
    }

    /// Appends an event to a run, for programs that use the storage without an engine: see
    /// ``append(_:to:)-(EncodedEvent,_)``.
    ///
    /// - Throws: ``StorageError`` with code `notFound` if there is no such run; `ACPError` if the event holds a value
    ///   that JSON cannot represent.
    public func append(_ event: Event, to run: RunID) async throws {
        try await append(try EncodedEvent(event), to: run)
    }

    /// Returns all events of a run, oldest first.
    public func events(of run: RunID) async throws -> [Event] {
        try await events(of: run, from: 0, limit: nil).enumerated().map { index, event throws(StorageError) in
            do throws(ACPError) {
                return try event.decode()
            } catch {
                throw StorageError(
                    .corruptData, "event \(index) of run \(run) cannot be read: \(error.message)", cause: error)
            }
        }
    }

    // MARK: Sessions

    /// Returns a session as it was last saved, or `nil` if it was never saved.
    public func session(_ id: SessionID) async throws -> SessionRecord? {
        try await storedSession(id)?.record(name(of: .session(id)))
    }

    /// Saves a session's state and metadata: see ``save(_:expecting:)-(StoredSession,_)``.
    @discardableResult
    public func save(_ session: SessionRecord, expecting version: Int?) async throws -> Int {
        try await save(try StoredSession(session), expecting: version)
    }

    /// Returns one page of a session's history, oldest first, and the total number of entries.
    public func history(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<HistoryEntry> {
        let start = max(0, offset)
        let page = try await storedHistory(of: session, from: start, limit: limit)
        var entries: [HistoryEntry] = []
        entries.reserveCapacity(page.items.count)
        for entry in page.items {
            entries.append(try entry.decode(name(of: .historyEntry(session, start + entries.count))))
        }
        return StoragePage(items: entries, total: page.total)
    }

    /// Returns the whole history of a session, oldest first.
    public func history(of session: SessionID) async throws -> [HistoryEntry] {
        try await history(of: session, from: 0, limit: nil).items
    }
}

extension Coordination {
    /// Returns a name with the run's id.
    public func signalName(of run: RunID) -> String { "a signal to run \(run)" }

    /// Stores a signal for a run and wakes the process that owns the run: see ``send(_:to:)-(EncodedSignal,_)``.
    @discardableResult
    public func send(_ signal: RunSignal, to run: RunID) async throws -> Bool {
        try await send(try EncodedSignal(signal), to: run)
    }

    /// Returns all signals that were sent to a run, in no particular order.
    ///
    /// - Throws: ``StorageError`` with code `corruptData` if one of them cannot be decoded.
    public func signals(to run: RunID) async throws -> [RunSignal] {
        try await storedSignals(to: run).map { signal throws(StorageError) in
            try signal.decode(signalName(of: run))
        }
    }
}
