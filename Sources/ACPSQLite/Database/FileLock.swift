// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An exclusive lock on a database: a file next to it that is locked as long as the storage is open.
///
/// The lock belongs to the open file, not to the process: a second storage in the same process is excluded as well. The
/// operating system releases it when the process ends, in whatever way. The file is not removed: removal could let two
/// storages lock different files if they open the database at the same time.
final class FileLock: Sendable {
    /// `nil` after the release.
    private let descriptor: Mutex<Int32?>

    /// Acquires the lock.
    ///
    /// - Parameter path: The path of the database, not of the lock file.
    /// - Throws: `StorageError` with code `refused` if another storage holds the lock, or the file cannot be locked.
    init(database path: String) throws(StorageError) {
        let lockPath = path + "-lock"
        let file = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let number = errno
            throw StorageError(
                .refused,
                "\(lockPath), which locks other processes out of the database, cannot be opened: "
                    + "\(systemError(number)). "
                    + "Make the folder and the file writable for this user, or use another path")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            let holder = Self.holder(file)
            _ = close(file)
            guard number == EWOULDBLOCK else {
                throw StorageError(
                    .refused,
                    "\(lockPath) cannot be locked: \(systemError(number)). Put the database on a local file system")
            }
            throw StorageError(
                .refused,
                "\(path) is in use by \(holder): a SQLite storage serves one process at a time. End the other one, or "
                    + "use "
                    + "another file")
        }
        Self.write(getpid(), to: file)
        descriptor = Mutex(file)
    }

    deinit { release() }

    func release() {
        let file = descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
        guard let file else { return }
        _ = ftruncate(file, 0)
        _ = close(file)
    }

    /// Returns the holder of the lock, as far as it is known: the file may just have been locked and not be written
    /// yet.
    private static func holder(_ file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 20)
        let count = pread(file, &bytes, bytes.count, 0)
        let digits = bytes.prefix(max(0, count)).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let process = Int32(String(decoding: digits, as: UTF8.self)) else { return "another process" }
        return process == getpid() ? "another storage of this process" : "process \(process)"
    }

    private static func write(_ process: Int32, to file: Int32) {
        // For the error message of other storages: the lock works without it.
        let text = Array("\(process)\n".utf8)
        _ = ftruncate(file, 0)
        _ = pwrite(file, text, text.count, 0)
    }
}

/// Returns the operating system's message for an error number.
func systemError(_ number: Int32) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
}
