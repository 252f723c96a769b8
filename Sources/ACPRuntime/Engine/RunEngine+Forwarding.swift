// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Links that a session brings from the server where it was before.
extension RunEngine {
    /// Stores the links of a request. Nothing is loaded before an agent reads it.
    func storeForwardedLinks(_ request: RunRequest, in session: SessionID) async throws {
        if !request.forwardedHistory.isEmpty {
            try await checkLinkCount(with: request.forwardedHistory, in: session)
            try await storage.append(request.forwardedHistory.map(HistoryBlock.init(link:)), to: session)
        }
        if let url = request.forwardedState {
            try await storeForwardedState(url, in: session, of: request.principal?.id)
        }
    }

    /// Checks that a session's history will not refer to too many messages on other servers.
    private func checkLinkCount(with urls: [String], in session: SessionID) async throws {
        let limit = configuration.maximumSessionLinks
        var total = try await storage.history(of: session, from: 0, limit: 0).total
        // As long as the whole history is short, its entries do not matter.
        guard total + urls.count > limit else { return }
        // The same URL with another signature refers to the same message.
        var links = Set(urls.map { SessionLink($0).identity })
        var size = ChunkSize(first: 32, limit: 200)
        var offset = 0
        while links.count <= limit, offset < total {
            let page = try await contents.historyWithoutContents(of: session, from: offset, limit: size.count)
            if page.items.isEmpty { break }
            for case .link(let url) in page.items { links.insert(SessionLink(url).identity) }
            size.note(
                items: page.items.count, bytes: page.items.reduce(0) { $0 + $1.storedSize }, wanted: 1_048_576)
            offset += page.items.count
            total = page.total
        }
        guard links.count <= limit else {
            throw RunEngineError.invalidInput(
                "session \(session) would refer to more than \(limit) messages on other servers, which is the limit "
                    + "(EngineConfiguration.maximumSessionLinks)")
        }
    }

    private func storeForwardedState(_ url: String, in session: SessionID, of principal: PrincipalID?) async throws {
        var backoff = Backoff(first: .milliseconds(2), limit: .milliseconds(200))
        while true {
            var record = try await storage.session(session) ?? SessionRecord(id: session)
            guard record.adopt(stateAt: url) else { return }
            record.addOriginKey()
            record.principal = record.principal ?? principal
            do {
                try await storage.save(record, expecting: record.version)
                return
            } catch let error as StorageError where error.code == .conflict {
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}
