// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
import Synchronization
import Testing

@testable import ACPSQLite

@Suite("Write queue")
struct WriteQueueTests {
    private struct Refusal: Error {}
    /// The transaction of the write that the others wait for.
    private let blocker = 1

    private final class CommitCounter: TransactionObserver, Sendable {
        private let commits = Mutex(0)
        var count: Int { commits.withLock { $0 } }

        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
        func databaseDidChange(with event: DatabaseEvent) {}
        func databaseDidCommit(_ db: Database) { commits.withLock { $0 += 1 } }
        func databaseDidRollback(_ db: Database) {}
    }

    /// Lets writes wait for a slow one, and returns the result of each.
    ///
    /// - Returns: Whether each succeeded, the numbers that are stored then, and the number of transactions.
    private func outcomes(
        of bodies: [@Sendable (Database) throws -> Void]
    ) async throws -> (succeeded: [Bool], stored: Set<Int>, commits: Int) {
        let folder = try TemporaryFolder()
        let pool = try DatabasePool(path: folder.path())
        try await pool.write { db in try db.execute(sql: "CREATE TABLE numbers (n INTEGER UNIQUE)") }
        let queue = WriteQueue(pool)
        let (isBusy, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let counter = CommitCounter()
        let succeeded = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
            group.addTask {
                // This thread is SQLite's, not one of Swift's concurrency pool.
                try await queue.perform { db in
                    db.add(transactionObserver: counter, extent: .databaseLifetime)
                    isBusy.signal()
                    mayGoOn.wait()
                }
                return (-1, true)
            }
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    isBusy.wait()
                    continuation.resume()
                }
            }
            for (index, body) in bodies.enumerated() {
                group.addTask {
                    do {
                        try await queue.perform(body)
                        return (index, true)
                    } catch {
                        return (index, false)
                    }
                }
            }
            let deadline = ContinuousClock.now + .seconds(30)
            while queue.waitingCount < bodies.count {
                try #require(ContinuousClock.now < deadline, "the writes do not wait")
                try await Task.sleep(for: .milliseconds(1))
            }
            mayGoOn.signal()
            return try await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
        }
        let stored = try await pool.read { db in try Int.fetchSet(db, sql: "SELECT n FROM numbers") }
        try pool.close()
        return (bodies.indices.map { succeeded[$0] ?? false }, stored, counter.count)
    }

    private func insert(_ number: Int) -> @Sendable (Database) throws -> Void {
        { db in try db.execute(sql: "INSERT INTO numbers VALUES (?)", arguments: [number]) }
    }

    @Test("Writes that wait together are stored in one transaction")
    func together() async throws {
        let found = try await outcomes(of: (0..<20).map(insert))
        #expect(found.succeeded == Array(repeating: true, count: 20))
        #expect(found.stored == Set(0..<20))
        #expect(found.commits == 1 + blocker)
    }

    @Test("A write that fails is rolled back, and the others of its transaction are not")
    func failing() async throws {
        let insert = insert
        let found = try await outcomes(of: [
            insert(1),
            { db in
                try insert(2)(db)
                throw Refusal()
            },
            insert(1_000_000), insert(3),
        ])
        #expect(found.succeeded == [true, false, true, true])
        #expect(found.stored == [1, 3, 1_000_000])
        #expect(found.commits == 1 + blocker)
    }

    @Test("When a transaction fails as a whole, each of its writes is repeated in its own transaction")
    func lost() async throws {
        let insert = insert
        let found = try await outcomes(of: [
            insert(1), insert(2),
            { db in
                try insert(3)(db)
                // As SQLite does when the disk is full at that moment.
                try db.execute(sql: "ROLLBACK")
                throw Refusal()
            },
            insert(4),
        ])
        #expect(found.succeeded == [true, true, false, true])
        #expect(found.stored == [1, 2, 4])
        #expect(found.commits == 3 + blocker)
    }

    @Test("The log stays short while reads follow each other without a pause")
    func log() async throws {
        let folder = try TemporaryFolder()
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        let pool = try DatabasePool(path: folder.path(), configuration: configuration)
        try await pool.write { db in try db.execute(sql: "CREATE TABLE numbers (n INTEGER, text TEXT)") }
        let limit = 500_000
        let queue = WriteQueue(pool, logLimit: limit)
        var longest = 0
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while !Task.isCancelled {
                        // Each reads an old state for a moment.
                        try? await pool.read { db in
                            for _ in 0..<20 { _ = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM numbers") }
                        }
                    }
                }
            }
            let text = String(repeating: "x", count: 20_000)
            for number in 0..<400 {
                try await queue.perform { db in
                    try db.execute(sql: "INSERT INTO numbers VALUES (?, ?)", arguments: [number, text])
                }
                longest = max(longest, DatabasePath.size(folder.path("test.sqlite-wal")))
            }
            group.cancelAll()
        }
        #expect(longest < limit * 3)
        #expect(try await pool.read { db in try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM numbers") } == 400)
        try pool.close()
    }
}
