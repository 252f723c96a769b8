// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// The runs and sessions that a caller can reach. Servers pass requests to it instead of to the engine.
///
/// What belongs to another principal is treated as if it did not exist.
package struct RunAccess: Sendable {
    package let engine: RunEngine
    /// Who calls. `nil` if callers are not distinguished.
    package let caller: Principal?
    /// Whether sessions belong to principals.
    private let isIsolated: Bool
    /// The principal whose runs and sessions can be reached. `nil` if all can be.
    package let scope: PrincipalID?

    /// Creates the access of a caller.
    ///
    /// - Parameters:
    ///   - caller: Who calls. Defaults to a caller that is not distinguished from others.
    ///   - isIsolated: Whether a principal that is no administrator reaches only its own runs and sessions. Defaults to
    ///     `false`.
    package init(_ engine: RunEngine, caller: Principal? = nil, isIsolated: Bool = false) {
        self.engine = engine
        self.caller = caller
        self.isIsolated = isIsolated
        scope = isIsolated ? caller.flatMap { $0.can(.administer) ? nil : $0.id } : nil
    }

    // MARK: - Runs

    /// Whether a run can be reached.
    package func admits(_ run: Run) -> Bool { scope == nil || run.principal == scope }

    /// Checks that a run can be reached. Without a scope, this does nothing.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun`; `storage`.
    private func checkAccess(to id: RunID) async throws {
        guard let scope else { return }
        guard try await engine.principal(of: id) == scope else { throw RunEngineError.unknownRun(id) }
    }

    /// Creates a run: see ``RunEngine/createRun(_:bindsSession:)``.
    ///
    /// - Throws: ``RunEngineError``, also `foreignSession`.
    package func createRun(_ request: RunRequest) async throws -> RunHandle {
        var request = request
        request.principal = caller
        return try await engine.createRun(request, bindsSession: isIsolated)
    }

    /// Returns a run: see ``RunEngine/fetchRun(_:)``.
    package func fetchRun(_ id: RunID) async throws -> Run {
        let run = try await engine.fetchRun(id)
        guard admits(run) else { throw RunEngineError.unknownRun(id) }
        return run
    }

    /// Checks that a run exists: see ``RunEngine/requireRun(_:)``.
    package func requireRun(_ id: RunID) async throws {
        try await checkAccess(to: id)
        try await engine.requireRun(id)
    }

    /// Answers a run: see ``RunEngine/resume(_:with:)``.
    package func resume(_ id: RunID, with answer: AwaitResume) async throws -> (run: Run, eventCount: Int) {
        try await checkAccess(to: id)
        return try await engine.resume(id, with: answer)
    }

    /// Cancels a run: see ``RunEngine/cancel(_:)``.
    package func cancel(_ id: RunID) async throws -> Run {
        try await checkAccess(to: id)
        return try await engine.cancel(id)
    }

    /// Deletes a run: see ``RunEngine/deleteRun(_:)``.
    package func deleteRun(_ id: RunID) async throws {
        try await checkAccess(to: id)
        // The history of the session remains. Without its first run, it would belong to nobody.
        if isIsolated, let run = try? await engine.fetchRun(id), run.status.isTerminal, let session = run.sessionID {
            try await engine.bindIfStored(session)
        }
        try await engine.deleteRun(id)
    }

    /// Returns events of a run: see ``RunEngine/events(of:from:limit:bytes:)``.
    package func events(of id: RunID, from offset: Int, limit: Int, bytes: Int) async throws -> [EncodedEvent] {
        try await checkAccess(to: id)
        return try await engine.events(of: id, from: offset, limit: limit, bytes: bytes)
    }

    /// Returns the number of events of a run: see ``RunEngine/eventCount(of:)``.
    package func eventCount(of id: RunID) async throws -> Int {
        try await checkAccess(to: id)
        return try await engine.eventCount(of: id)
    }

    /// Returns a content of a run: see ``RunEngine/content(_:of:)``.
    package func content(_ digest: ContentDigest, of id: RunID) async throws -> String? {
        try await checkAccess(to: id)
        return try await engine.content(digest, of: id)
    }

    /// Returns what the document of a run does not contain: see ``RunEngine/details(of:)``.
    package func details(of id: RunID) async throws -> RunDetails {
        try await checkAccess(to: id)
        return try await engine.details(of: id)
    }

    /// Returns one page of runs: see ``RunEngine/listedRuns(_:url:)``.
    package func listedRuns(_ query: RunQuery, url: (ListedContent) -> String) async throws -> StoragePage<Run> {
        var query = query
        query.principal = scope
        return try await engine.listedRuns(query, url: url)
    }

    /// Returns one page of an agent's runs: see ``RunEngine/runs(_:)-(RunStatusQuery)``.
    package func runs(_ query: RunStatusQuery) async throws -> StoragePage<Run> {
        var query = query
        query.principal = scope
        return try await engine.runs(query)
    }

    // MARK: - Sessions

    /// Checks that a session can be reached. Without a scope, this does nothing.
    ///
    /// - Throws: ``RunEngineError``: `unknownSession`; `storage`.
    package func requireSession(_ id: SessionID) async throws {
        guard let scope else { return }
        guard !id.isOfCompanions,
            try await engine.storing({ try await engine.storage.owner(of: id) }) == .principal(scope)
        else { throw RunEngineError.unknownSession(id) }
    }

    /// Checks that a run can be created in a session. Without a scope, this does nothing.
    ///
    /// - Throws: ``RunEngineError``: `foreignSession`; `storage`.
    package func requireUsable(_ id: SessionID) async throws {
        guard let scope else { return }
        switch try await engine.storing({ try await engine.storage.owner(of: id) }) {
        case .unknown, .principal(scope): return
        case .nobody, .principal: throw RunEngineError.foreignSession(id)
        }
    }

    /// Returns a session: see ``RunEngine/session(_:)``.
    package func session(_ id: SessionID) async throws -> (record: SessionRecord, historyCount: Int) {
        try await requireSession(id)
        var (record, count) = try await engine.session(id)
        // The next save stores it.
        if record.principal == nil { record.principal = scope }
        return (record, count)
    }

    /// Returns one page of a session's history: see ``RunEngine/history(of:from:limit:)``.
    package func history(of id: SessionID, from offset: Int, limit: Int) async throws -> StoragePage<HistoryEntry> {
        try await requireSession(id)
        return try await engine.history(of: id, from: offset, limit: limit)
    }

    /// Deletes a session: see ``RunEngine/deleteSession(_:)``.
    package func deleteSession(_ id: SessionID) async throws {
        try await requireSession(id)
        try await engine.deleteSession(id)
    }
}

extension RunEngine {
    /// Returns the principal of a run, or `nil` if it has none.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun`; `storage`.
    func principal(of id: RunID) async throws -> PrincipalID? {
        try requireVisible(id)
        if let execution = execution(of: id) { return execution.principal?.id }
        return try await storing {
            guard let record = try await contents.recordWithoutContents(of: id) else {
                throw RunEngineError.unknownRun(id)
            }
            return record.snapshot.principal
        }
    }

    /// Stores who a session belongs to, if anything else is stored of it.
    func bindIfStored(_ session: SessionID) async throws {
        try await storing {
            let stored = try await storage.storedSession(session)
            guard stored?.principal == nil else { return }
            if stored == nil, try await storage.history(of: session, from: 0, limit: 0).total == 0 { return }
            try await bind(session, to: nil)
        }
    }
}
