// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging

extension SessionRecord {
    private static let originKeyName = "origin_key"

    /// A secret that is known only to processes on the same storage. A server marks the session's URLs with it, so that
    /// every such process recognises them, whatever host name they contain. `nil` if only the session's history is
    /// stored.
    ///
    /// It is part of ``metadata``, so that every backend stores it and every process finds it.
    package var originKey: String? { metadata[Self.originKeyName]?.stringValue }

    /// Gives the session a key, if it has none. The next save stores it.
    mutating func addOriginKey() {
        guard originKey == nil else { return }
        var random = SystemRandomNumberGenerator()
        let key = (0..<4).map { _ in String(random.next(), radix: 36) }.joined(separator: ".")
        metadata[Self.originKeyName] = .string(key)
    }
}

extension RunEngine {
    /// Returns the stored key of a session, or `nil` if it has none.
    ///
    /// - Throws: ``RunEngineError``.
    package func originKey(of session: SessionID) async throws -> String? {
        try await storing { try await storage.session(session)?.originKey }
    }

    /// Returns the key of a session, and stores a new one if the session has none and no state.
    ///
    /// Saving increments the version that the URL of a state contains: if there is a state, other servers would take it
    /// for a new one. A session from before there were keys gets its key when its state is stored next.
    ///
    /// - Parameter record: The session as it was just read.
    /// - Returns: `nil` if there is no key and none could be stored. The session's URLs are not marked in that case.
    package func ensuredOriginKey(of record: SessionRecord) async -> String? {
        if let key = record.originKey { return key }
        guard record.state == nil, record.forwardedState == nil else { return nil }
        var record = record
        record.addOriginKey()
        do {
            try await storage.save(record, expecting: record.version)
            return record.originKey
        } catch let error as StorageError where error.code == .conflict {
            // Another process has stored something, and a key with it.
            return try? await originKey(of: record.id)
        } catch {
            logLimiter.log(
                .warning, "the key of a session could not be stored",
                metadata: ["session_id": "\(record.id)", "reason": "\(error)"], to: logger)
            return nil
        }
    }
}
