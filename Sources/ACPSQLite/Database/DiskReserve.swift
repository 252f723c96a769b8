// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file next to the database that reserves disk space, which is released when there is no other: deletion needs space
/// too, in the log, until the deleted pages are freed.
///
/// It remains when the storage is closed, so that the storage can be opened again on a full disk.
final class DiskReserve: Sendable {
    /// The space that deletion and a checkpoint usually need at most: see ``checkpointPages(of:)``.
    private static let usualSize = 5 * 1_048_576
    private static let smallestSize = 256 * 1_024

    private let path: String
    /// The number of bytes that it reserves when it is filled.
    let size: Int
    private let filled: Mutex<Bool>

    /// Fills the reserve if there is space for it.
    ///
    /// - Parameters:
    ///   - database: The path of the database.
    ///   - maximumSize: The maximum size of the database. A small database has a small reserve.
    init(database: String, maximumSize: Int?) {
        path = database + "-reserve"
        let found = DatabasePath.size(path)
        if (Self.smallestSize...Self.usualSize).contains(found) {
            size = found
            filled = Mutex(true)
        } else {
            // A small part of a small disk.
            let room = min(Self.freeSpace(database), maximumSize ?? .max)
            size = max(Self.smallestSize, min(Self.usualSize, room / 8))
            filled = Mutex(false)
            fill()
        }
    }

    /// Whether the space is reserved at this moment.
    var isFilled: Bool { filled.withLock { $0 } }

    /// Returns the number of pages after which the log is written into the database: so few that the reserve has space
    /// for all of them, and for what is deleted. Otherwise the log could neither be continued nor ended on a full disk.
    func checkpointPages(of pageSize: Int) -> Int { max(16, min(1_000, size / 5 * 4 / max(1, pageSize))) }

    /// The number of rows that are deleted in one transaction when only the reserve is left.
    var rowsAtOnce: Int { max(32, size / 8_192) }

    /// Reserves the space if it is available.
    func fill() {
        filled.withLock { filled in
            guard !filled else { return }
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            guard file >= 0 else { return }
            defer { _ = close(file) }
            // Written, since some file systems only record how large a file will be, and with data that does not
            // compress well.
            var generator = SystemRandomNumberGenerator()
            var number = generator.next() | 1
            let block = (0..<8_192).map { _ -> UInt64 in
                number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return number
            }
            var written = 0
            while written < size {
                let wanted = min(size - written, 65_536)
                let count = block.withUnsafeBytes { pwrite(file, $0.baseAddress, wanted, off_t(written)) }
                guard count > 0 else { break }
                written += count
            }
            filled = written >= size
            if !filled { _ = ftruncate(file, 0) }
        }
    }

    /// Releases the space.
    func release() {
        filled.withLock { filled in
            _ = truncate(path, 0)
            filled = false
        }
    }

    /// Returns the free space for this user on the disk of a file, in bytes.
    static func freeSpace(_ path: String) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return 0 }
        return Int(clamping: UInt64(status.f_bavail)).multipliedReportingOverflow(by: Int(status.f_frsize)).partialValue
    }
}
