// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import GRDB

extension StorageError {
    /// Converts an error of SQLite.
    ///
    /// - Parameters:
    ///   - error: The error. A `StorageError` is not changed.
    ///   - action: The operation, as the beginning of a sentence: "Committing to run 1".
    ///   - changes: Whether the operation writes.
    ///   - path: The path of the database.
    init(_ error: any Error, doing action: String, changes: Bool, path: String) {
        if let error = error as? StorageError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(.corruptData, "\(action) failed: \(path) contains unexpected data", cause: error)
            return
        }
        let nothingStored = changes ? "; nothing of it was stored" : ""
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(
                .full,
                "\(action) failed\(nothingStored): the disk of \(path) is full, or the file has reached its maximum "
                    + "size. "
                    + "Free space; what was stored before is safe",
                cause: error)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            self.init(
                .refused,
                "\(action) failed\(nothingStored): \(path) cannot be written. Make the file and its folder writable "
                    + "for this "
                    + "user", cause: error)
        case .SQLITE_CANTOPEN:
            self.init(
                .refused,
                "\(action) failed\(nothingStored): \(path) or a file next to it (-wal, -shm) cannot be opened. Check "
                    + "the "
                    + "permissions of the folder and the limit of open files", cause: error)
        case .SQLITE_NOTADB:
            self.init(
                .corruptData, "\(path) is not a SQLite database: use another path, or move that file out of the way",
                cause: error)
        case .SQLITE_CORRUPT:
            self.init(
                .corruptData,
                "\(path) is damaged: take a copy, then restore a backup, or save what can be read with "
                    + "`sqlite3 FILE .recover`", cause: error)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .timedOut,
                "\(action) failed\(nothingStored): another program keeps \(path) locked. End its transaction",
                cause: error)
        case .SQLITE_IOERR where changes:
            self.init(
                .outcomeUnknown, "\(action) failed: the disk of \(path) reported an error. Check the system's log",
                cause: error)
        default:
            self.init(.refused, "\(action) failed\(nothingStored) in \(path)", cause: error)
        }
    }

    /// Whether the disk reported an error, which may mean that it is full.
    var isDiskError: Bool { (cause as? DatabaseError)?.resultCode == .SQLITE_IOERR }
}
