// SPDX-License-Identifier: Apache-2.0

public import ACPCore

// What callers use: values, encoded and decoded here, whatever the backend.

extension Storage {
    public func name(of document: StoredDocument) -> String { document.description }

    // MARK: Runs

    /// A run with everything needed to go on with it, or `nil` if there is none.
    ///
    /// - Throws: ``StorageError`` with code `corruptData` if the run cannot be read, here and in the methods below.
    public func record(of run: RunID) async throws -> RunRecord? {
        try await storedRun(run)?.record(name(of: .run(run)))
    }

    /// A run as it stands, or `nil` if there is none.
    public func run(_ id: RunID) async throws -> Run? {
        try await record(of: id)?.run()
    }

    /// One page of runs as they stand, newest first, and how many there are in all.
    public func runs(_ query: RunQuery) async throws -> StoragePage<Run> {
        try await storedRuns(query).map { run throws(StorageError) in
            try run.record(name(of: .run(run.id))).run()
        }
    }

    /// What the run was called with, or `nil` if there is no such run or it was saved without.
    public func input(of run: RunID) async throws -> [Message]? {
        try await storedInput(of: run)?.decode(name(of: .input(run)))
    }

    /// Saves a run as it is, for people who use the storage on its own. It becomes the snapshot that covers all events
    /// that are there. Takes no notice of owners.
    ///
    /// - Throws: ``StorageError`` with code `refused` if the run holds a value that JSON cannot.
    public func save(_ run: Run) async throws {
        try await save(run, json: Encoded(run, as: StoredDocument.run(run.id).description).json)
    }

    /// Appends an event to a run, for people who use the storage on its own. Takes no notice of owners.
    ///
    /// - Throws: ``StorageError`` with code `notFound` if there is no such run; `ACPError` if the event holds a value
    ///   that JSON cannot.
    public func append(_ event: Event, to run: RunID) async throws {
        try await append(try EncodedEvent(event), to: run)
    }

    /// All events of a run, decoded.
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

    /// A session as it was saved last, or `nil` if it never was.
    public func session(_ id: SessionID) async throws -> SessionRecord? {
        try await storedSession(id)?.record(name(of: .session(id)))
    }

    /// Saves a session's state and metadata: see ``save(_:expecting:)-(StoredSession,_)``.
    @discardableResult
    public func save(_ session: SessionRecord, expecting version: Int?) async throws -> Int {
        try await save(try StoredSession(session), expecting: version)
    }

    /// One page of a session's history, oldest first, and how many entries there are in all.
    public func history(of session: SessionID, from offset: Int, limit: Int?) async throws -> StoragePage<HistoryEntry> {
        let start = max(0, offset)
        let page = try await storedHistory(of: session, from: start, limit: limit)
        var entries: [HistoryEntry] = []
        entries.reserveCapacity(page.items.count)
        for entry in page.items {
            entries.append(try entry.decode(name(of: .historyEntry(session, start + entries.count))))
        }
        return StoragePage(items: entries, total: page.total)
    }

    /// The whole history of a session.
    public func history(of session: SessionID) async throws -> [HistoryEntry] {
        try await history(of: session, from: 0, limit: nil).items
    }
}

extension Coordination {
    public func signalName(of run: RunID) -> String { "a signal to run \(run)" }

    /// Stores a signal for a run and wakes the process that owns the run: see ``send(_:to:)-(EncodedSignal,_)``.
    @discardableResult
    public func send(_ signal: RunSignal, to run: RunID) async throws -> Bool {
        try await send(try EncodedSignal(signal), to: run)
    }

    /// All signals that were sent to a run, in no particular order.
    ///
    /// - Throws: ``StorageError`` with code `corruptData` if one of them cannot be read.
    public func signals(to run: RunID) async throws -> [RunSignal] {
        try await storedSignals(to: run).map { signal throws(StorageError) in
            try signal.decode(signalName(of: run))
        }
    }
}
