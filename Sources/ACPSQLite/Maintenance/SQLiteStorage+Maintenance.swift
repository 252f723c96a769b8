// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Dispatch
import Foundation
import GRDB

extension SQLiteStorage {
    /// Deletes everything that this storage keeps, in one transaction, and gives the room back to the file system. Other tables
    /// in the file are not touched.
    public func removeAll() async throws {
        try await database.erase(.all)
        try await database.maintain("Giving back free pages") { db in
            try db.execute(sql: "PRAGMA incremental_vacuum")
            try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
    }

    /// What the storage keeps, and how much room it takes.
    public func statistics() async throws -> SQLiteStorageStatistics {
        let path = path
        return try await database.read("Counting rows") { db in try SQLiteStorageStatistics(db, path: path) }
    }

    /// What a database file holds, also while another process has it open. Nothing is changed.
    ///
    /// - Parameter path: The file.
    /// - Throws: `StorageError` with code `notFound` if there is no such file, `invalidConfiguration` if the path does not name a file, `refused` if it belongs to another program or
    ///   cannot be opened, `corruptData` if it is no database.
    public static func statistics(ofFile path: String) async throws -> SQLiteStorageStatistics {
        try Configuration.validate(path: path)
        let path = try DatabasePath.resolve(path)
        guard FileManager.default.fileExists(atPath: path) else {
            throw StorageError(.notFound, "there is no file \(path): a server or a storage makes it")
        }
        do {
            return try await withCheckedThrowingContinuation { continuation in
                // Opening and closing block: not on a thread of Swift's own.
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
                throw StorageError(.refused, "\(path) is no database of this storage: it has no table acp_runs")
            }
            return try SQLiteStorageStatistics(db, path: path)
        }
    }
}

/// What a ``SQLiteStorage`` keeps, and how much room it takes.
public struct SQLiteStorageStatistics: Sendable, Hashable {
    /// A table and how many rows it has.
    public struct TableCount: Sendable, Hashable {
        public var name: String
        public var rows: Int
    }

    /// The database file.
    public var path: String
    /// All tables of the storage.
    public var tables: [TableCount]
    /// The size of the database file, in bytes.
    public var fileBytes: Int
    /// The size of the log beside it (`-wal`), in bytes: what was written last, and goes into the file by and by.
    public var logBytes: Int
    /// How much of the file is free for what comes next, in bytes.
    public var freeBytes: Int

    init(_ db: Database, path: String) throws {
        self.path = path
        // A file that an older version has open lacks the newer ones.
        tables = try Schema.tables.sorted().filter { try db.tableExists($0) }.map { name in
            TableCount(name: name, rows: try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM \(name)") ?? 0)
        }
        let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        freeBytes = try pageSize * (Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0)
        fileBytes = DatabasePath.size(path)
        logBytes = DatabasePath.size(path + "-wal")
    }
}
