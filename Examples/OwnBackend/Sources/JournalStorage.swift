// SPDX-License-Identifier: Apache-2.0

public import ACPStorage

/// Storage in memory, with a journal on disk from which it is read again: durable, for one process.
///
/// ```swift
/// let storage = try JournalStorage(path: "runs.journal")
/// let server = ACPServer(storage: storage)
/// try await server.runService()
/// try await storage.close()
/// ```
///
/// An example of a backend, and short for that reason: everything is in memory, the journal only grows until
/// ``removeAll()``, and a listing looks at all runs. `docs/own-backend.md` goes through it.
public final class JournalStorage: Storage {
    let journal: Journal
    let local: LocalCoordination
    private let journalCoordination: JournalCoordination

    /// Opens a journal and reads all of it; makes the file if it is not there.
    ///
    /// - Parameter path: The file. Its folder has to be there.
    /// - Throws: `StorageError` with code `refused` if the file is in use or may not be opened, and `corruptData` if it holds
    ///   something else.
    public init(path: String) throws {
        journal = try Journal(path: path)
        local = LocalCoordination()
        journalCoordination = JournalCoordination(journal, local)
    }

    /// Durable, for one process, without expiry.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: false, timeToLive: nil)
    }

    public var coordination: any Coordination { journalCoordination }

    public func ping() async throws -> Duration {
        let start = ContinuousClock.now
        try await journal.read { _ in }
        return .now - start
    }

    public func removeAll() async throws { try await journal.removeAll() }

    public func close() async { await journal.close() }
}
