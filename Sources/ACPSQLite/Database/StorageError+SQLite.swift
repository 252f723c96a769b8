// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import GRDB

extension StorageError {
    /// What SQLite said, in the storage's terms.
    ///
    /// - Parameters:
    ///   - error: What was thrown. A `StorageError` stays as it is.
    ///   - action: What was being done, as the beginning of a sentence: "Committing to run 1".
    ///   - changes: Whether that was a write.
    ///   - path: Of the database.
    init(_ error: any Error, doing action: String, changes: Bool, path: String) {
        if let error = error as? StorageError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(.corruptData, "\(action) failed: what \(path) holds is not what was expected", cause: error)
            return
        }
        let nothingStored = changes ? "; nothing of it was stored" : ""
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(
                .full,
                "\(action) failed\(nothingStored): the disk of \(path) is full, or the file has reached its largest size. "
                    + "Make room; what was stored before is safe",
                cause: error)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            self.init(
                .refused,
                "\(action) failed\(nothingStored): \(path) may not be written. Make the file and its folder writable for this "
                    + "user", cause: error)
        case .SQLITE_CANTOPEN:
            self.init(
                .refused,
                "\(action) failed\(nothingStored): \(path) or a file beside it (-wal, -shm) cannot be opened. Look at the "
                    + "permissions of the folder and at how many files the process may open", cause: error)
        case .SQLITE_NOTADB:
            self.init(
                .corruptData, "\(path) is no SQLite database: use another path, or move that file out of the way",
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
                .outcomeUnknown, "\(action) failed: the disk of \(path) reported an error. Look at the system's log",
                cause: error)
        default:
            self.init(.refused, "\(action) failed\(nothingStored) in \(path)", cause: error)
        }
    }

    /// Whether the disk reported an error, which may mean that it is full.
    var isDiskError: Bool { (cause as? DatabaseError)?.resultCode == .SQLITE_IOERR }
}
