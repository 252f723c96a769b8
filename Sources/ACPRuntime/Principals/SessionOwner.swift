// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// Who a session belongs to.
///
/// A session that callers name when they create a run is bound to the first principal: its record has the principal. A
/// session that a server has created belongs to the principal of its first run, and is bound as soon as its record is
/// saved for another reason, or the session is read.
package enum SessionOwner: Sendable, Equatable {
    /// Nothing is stored of the session.
    case unknown
    /// The session is that of callers that were not distinguished.
    case nobody
    case principal(PrincipalID)
}

extension Storage {
    /// Returns who a session belongs to.
    package func owner(of session: SessionID) async throws -> SessionOwner {
        try await owner(of: session, stored: try await storedSession(session))
    }

    /// Returns who a session belongs to.
    ///
    /// - Parameter stored: The session's record, which was just read. `nil` if there is none.
    func owner(of session: SessionID, stored: StoredSession?) async throws -> SessionOwner {
        if let principal = stored?.principal { return .principal(principal) }
        if let first = try await firstRun(of: session) { return first.principal.map { .principal($0) } ?? .nobody }
        if stored != nil { return .nobody }
        return try await storedHistory(of: session, from: 0, limit: 0).total > 0 ? .nobody : .unknown
    }

    /// Returns the oldest run of a session, or `nil` if it has none.
    private func firstRun(of session: SessionID) async throws -> Run? {
        // References are sufficient in place of large contents.
        let base = (self as? ContentStorage)?.base ?? self
        var query = RunQuery(.session(session), limit: 1)
        while true {
            let page = try await base.runs(query)
            // More runs may have been created, or some deleted, since the total was read.
            guard page.total > query.offset + 1 || page.items.isEmpty && page.total > 0 else { return page.items.first }
            query.offset = page.total - 1
        }
    }
}

extension RunEngine {
    /// Makes sure that a principal may use a session, and binds the session to it if it is new.
    ///
    /// Of several principals that use a new session at the same time, one succeeds.
    ///
    /// - Throws: ``RunEngineError``: `foreignSession` if the session belongs to another principal, unless the principal
    ///   is an administrator.
    func claim(_ session: SessionID, for principal: Principal) async throws {
        let owner = try await bind(session, to: principal.id)
        guard owner == .principal(principal.id) || principal.can(.administer) else {
            throw RunEngineError.foreignSession(session)
        }
    }

    /// Stores who a session belongs to, if that is not stored yet.
    ///
    /// - Parameter principal: Who the session belongs to if nothing is stored of it.
    /// - Returns: Who the session belongs to.
    @discardableResult
    func bind(_ session: SessionID, to principal: PrincipalID?) async throws -> SessionOwner {
        var backoff = Backoff(first: .milliseconds(2), limit: .milliseconds(200))
        while true {
            let stored = try await storage.storedSession(session)
            if let owner = stored?.principal { return .principal(owner) }
            let found = try await storage.owner(of: session, stored: stored)
            let owner = found == .unknown ? principal.map { .principal($0) } ?? found : found
            guard case .principal(let id) = owner else { return owner }
            var record = try stored?.record() ?? SessionRecord(id: session)
            record.principal = id
            // Otherwise it would be saved once more when the session is read.
            if record.state == nil, record.forwardedState == nil { record.addOriginKey() }
            do {
                try await storage.save(record, expecting: record.version)
                return owner
            } catch let error as StorageError where error.code == .conflict {
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}
