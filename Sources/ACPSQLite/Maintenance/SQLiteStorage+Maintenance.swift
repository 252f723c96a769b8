// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Dispatch
import Foundation
import GRDB

extension SQLiteStorage {
    /// Deletes all data of this storage, in one transaction, and returns the space to the file system. Other tables in
    /// the file are not changed.
    public func removeAll() async throws {
        try await database.delete(.all)
        try await database.maintain("Freeing pages") { db in
            try db.execute(sql: "PRAGMA incremental_vacuum")
            try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
    }

    /// Counts the rows of the storage's tables and the bytes of its file.
    public func statistics() async throws -> SQLiteStorageStatistics {
        let path = path
        return try await database.read("Counting rows") { db in try SQLiteStorageStatistics(db, path: path) }
    }

    /// Counts the rows and bytes of a database file, also while another process has it open. Nothing is changed.
    ///
    /// - Parameter path: The path of the file.
    /// - Throws: `StorageError` with code `notFound` if the file does not exist, `invalidConfiguration` if the path
    ///   does not name a file, `refused` if the file belongs to another program or cannot be opened, `corruptData` if
    ///   it is not a database.
    public static func statistics(ofFile path: String) async throws -> SQLiteStorageStatistics {
        try Configuration.validate(path: path)
        let path = try DatabasePath.resolve(path)
        guard FileManager.default.fileExists(atPath: path) else {
            throw StorageError(.notFound, "the file \(path) does not exist: a server or a storage creates it")
        }
        do {
            return try await withCheckedThrowingContinuation { continuation in
                // Opening and closing block: not on a thread of Swift's concurrency pool.
                DispatchQueue.global().async { continuation.resume(with: .init { try readStatistics(path) }) }
            }
        } catch {
            throw StorageError(error, doing: "Reading \(path)", changes: false, path: path)
        }
    }

    private static func readStatistics(_ path: String) throws -> SQLiteStorageStatistics {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        let file = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? file.close() }
        return try file.read { db in
            guard try db.tableExists("acp_runs") else {
                throw StorageError(.refused, "\(path) is not a database of this storage: it has no table acp_runs")
            }
            return try SQLiteStorageStatistics(db, path: path)
        }
    }
}

/// The number of rows of a ``SQLiteStorage``, and the size of its file.
public struct SQLiteStorageStatistics: Sendable, Hashable {
    /// A table and its number of rows.
    public struct TableCount: Sendable, Hashable {
        /// The name of the table.
        public var name: String
        /// The number of rows.
        public var rows: Int
    }

    /// The path of the database file.
    public var path: String
    /// All tables of the storage.
    public var tables: [TableCount]
    /// The size of the database file, in bytes.
    public var fileBytes: Int
    /// The size of the write-ahead log (`-wal`), in bytes: the latest writes, which are not in the database file yet.
    public var logBytes: Int
    /// The unused space inside the file, in bytes.
    public var freeBytes: Int

    init(_ db: Database, path: String) throws {
        self.path = path
        // A file that an older version has open lacks the newer tables.
        tables = try Schema.tables.sorted().filter { try db.tableExists($0) }.map { name in
            TableCount(name: name, rows: try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM \(name)") ?? 0)
        }
        let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        freeBytes = try pageSize * (Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0)
        fileBytes = DatabasePath.size(path)
        logBytes = DatabasePath.size(path + "-wal")
    }
}
