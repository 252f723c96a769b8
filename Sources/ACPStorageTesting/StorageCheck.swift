// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// A check of one guarantee of a storage.
public struct StorageCheck: Sendable, Identifiable {
    /// The guarantee, as one sentence.
    public let name: String
    /// Whether the check requires the storage for itself: it begins with ``Storage/removeAll()``.
    ///
    /// ``run(on:)`` ensures that no other check of the same ``StorageSuite`` runs at the same time. It cannot exclude
    /// other tests that use the same database.
    public let isExclusive: Bool
    private let body: @Sendable (CheckContext) async throws -> Void

    /// The name of the check.
    public var id: String { name }

    init(
        _ name: String, isExclusive: Bool = false, _ body: @escaping @Sendable (CheckContext) async throws -> Void
    ) {
        self.name = name
        self.isExclusive = isExclusive
        self.body = body
    }

    /// Checks the guarantee on storages that the suite opens, and closes them.
    ///
    /// - Throws: ``StorageCheckFailure`` if the storage does not provide the guarantee, or an error of the storage
    ///   where the check expected success.
    public func run(on suite: StorageSuite) async throws {
        await suite.scheduler.enter(exclusively: isExclusive)
        let opened = OpenedStorages()
        let outcome: Result<Void, any Error>
        do {
            let storage = try await suite.makeStorage()
            opened.add(storage)
            if isExclusive { try await storage.removeAll() }
            let context = CheckContext(suite: suite, storage: storage, name: name, opened: opened)
            do {
                try await body(context)
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            await context.cleanUp()
        } catch {
            outcome = .failure(error)
        }
        for storage in opened.all { try? await storage.close() }
        await suite.scheduler.leave()
        try outcome.get()
    }
}

extension StorageCheck: CustomStringConvertible {
    /// The name of the check.
    public var description: String { name }
}
