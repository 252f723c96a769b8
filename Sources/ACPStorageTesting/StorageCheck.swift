// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// One promise of a storage, and how it is checked.
public struct StorageCheck: Sendable, Identifiable {
    /// The promise, as one sentence.
    public let name: String
    /// Whether the check needs the storage for itself: it begins with ``Storage/removeAll()``.
    ///
    /// ``run(on:)`` sees to it that no other check of the same ``StorageSuite`` runs meanwhile. It cannot keep away
    /// tests that use the same database without the suite.
    public let isExclusive: Bool
    private let body: @Sendable (CheckContext) async throws -> Void

    public var id: String { name }

    init(
        _ name: String, isExclusive: Bool = false, _ body: @escaping @Sendable (CheckContext) async throws -> Void
    ) {
        self.name = name
        self.isExclusive = isExclusive
        self.body = body
    }

    /// Checks the promise on storages that the suite makes, and closes them.
    ///
    /// - Throws: ``BrokenPromise`` if the storage does not keep it. Errors of the storage that the check did not ask
    ///   for come through as they are.
    public func run(on suite: StorageSuite) async throws {
        await suite.gate.enter(exclusively: isExclusive)
        let opened = OpenedStorages()
        let outcome: Result<Void, any Error>
        do {
            let storage = try await suite.makeStorage()
            opened.add(storage)
            if isExclusive { try await storage.removeAll() }
            let context = CheckContext(suite: suite, storage: storage, promise: name, opened: opened)
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
        await suite.gate.leave()
        try outcome.get()
    }
}

extension StorageCheck: CustomStringConvertible {
    public var description: String { name }
}
