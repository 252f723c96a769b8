// SPDX-License-Identifier: Apache-2.0

public import ACPStorage

/// A storage in memory with a journal on disk, from which it is restored after a restart: durable, for one process.
///
/// ```swift
/// let storage = try JournalStorage(path: "runs.journal")
/// let server = ACPServer(storage: storage)
/// try await server.runService()
/// try await storage.close()
/// ```
///
/// This is an example of a backend, and therefore short: everything is in memory, the journal grows until
/// ``removeAll()``, and a listing examines all runs. `docs/own-backend.md` explains it.
public final class JournalStorage: Storage {
    let journal: Journal
    let local: LocalCoordination
    private let journalCoordination: JournalCoordination

    /// Opens a journal and reads all of it. Creates the file if it does not exist.
    ///
    /// - Parameter path: The file. Its folder must exist.
    /// - Throws: `StorageError` with code `refused` if the file is in use or cannot be opened, and with code
    ///   `corruptData` if the file is not a journal.
    public init(path: String) throws {
        journal = try Journal(path: path)
        local = LocalCoordination()
        journalCoordination = JournalCoordination(journal, local)
    }

    /// Durable, for one process, without expiry.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: false, timeToLive: nil)
    }

    /// The coordination within this process.
    public var coordination: any Coordination { journalCoordination }

    public func ping() async throws -> Duration {
        let start = ContinuousClock.now
        try await journal.read { _ in }
        return .now - start
    }

    public func removeAll() async throws { try await journal.removeAll() }

    public func close() async { await journal.close() }
}
