// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What a session brings along from the server where it was before.
extension RunEngine {
    /// Keeps the links that a request brings along. Nothing is loaded before an agent asks for it.
    func keepForwarded(_ request: RunRequest, in session: SessionID) async throws {
        if !request.forwardedHistory.isEmpty {
            try await storage.append(request.forwardedHistory.map(HistoryBlock.init(link:)), to: session)
        }
        if let url = request.forwardedState { try await keepForwardedState(url, in: session) }
    }

    private func keepForwardedState(_ url: String, in session: SessionID) async throws {
        var backoff = Backoff(first: .milliseconds(2), limit: .milliseconds(200))
        while true {
            var record = try await storage.session(session) ?? SessionRecord(id: session)
            guard record.adopt(stateAt: url) else { return }
            record.addOriginKey()
            do {
                try await storage.save(record, expecting: record.version)
                return
            } catch let error as StorageError where error.code == .conflict {
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}
