// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What a session brings along from the server where it was before.
extension RunEngine {
    /// Keeps the links that a request brings along. Nothing is loaded before an agent asks for it.
    func keepForwarded(_ request: RunRequest, in session: SessionID) async throws {
        if !request.forwardedHistory.isEmpty { try await keepForwardedHistory(request.forwardedHistory, in: session) }
        if let url = request.forwardedState { try await keepForwardedState(url, in: session) }
    }

    /// Appends the links that the history does not have yet, if they are not too many.
    private func keepForwardedHistory(_ urls: [String], in session: SessionID) async throws {
        let limit = configuration.maximumSessionLinks
        let known = try await storage.session(session)?.linkCount ?? 0
        // What is sent a second time adds nothing, and most often nothing is.
        guard urls.count <= limit, known <= limit else {
            throw RunEngineError.invalidInput(
                "session \(session) would refer to more than \(limit) messages of other servers: no more are accepted "
                    + "(EngineConfiguration.maximumSessionLinks)")
        }
        let before = try await storage.history(of: session, from: 0, limit: 0).total
        try await storage.append(urls.map(HistoryBlock.init(link:)), to: session)
        let added = min(urls.count, try await storage.history(of: session, from: 0, limit: 0).total - before)
        guard added > 0 else { return }
        try await changeSession(session) { $0.linkCount += added }
    }

    /// Changes what is stored of a session, also if others do so at the same time.
    private func changeSession(_ session: SessionID, _ change: (inout SessionRecord) -> Void) async throws {
        var backoff = Backoff(first: .milliseconds(2), limit: .milliseconds(200))
        while true {
            var record = try await storage.session(session) ?? SessionRecord(id: session)
            change(&record)
            do {
                try await storage.save(record, expecting: record.version)
                return
            } catch let error as StorageError where error.code == .conflict {
                try await Task.sleep(for: backoff.next())
            }
        }
    }

    private func keepForwardedState(_ url: String, in session: SessionID) async throws {
        var backoff = Backoff(first: .milliseconds(2), limit: .milliseconds(200))
        while true {
            var record = try await storage.session(session) ?? SessionRecord(id: session)
            guard record.adopt(stateAt: url) else { return }
            do {
                try await storage.save(record, expecting: record.version)
                return
            } catch let error as StorageError where error.code == .conflict {
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}
