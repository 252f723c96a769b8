// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file beside the database that keeps some room on the disk, to be given up when there is no other: deleting needs room too, in
/// the log, until what was deleted is given back.
///
/// It stays when the storage is closed, so that a full disk does not keep the next one from opening.
final class DiskReserve: Sendable {
    /// What deleting and a checkpoint need at most as a rule: see ``checkpointPages(of:)``.
    private static let usualSize = 5 * 1_048_576
    private static let smallestSize = 256 * 1_024

    private let path: String
    /// How many bytes it keeps when it is full.
    let size: Int
    private let filled: Mutex<Bool>

    /// Fills the reserve if there is room for it.
    ///
    /// - Parameters:
    ///   - database: The path of the database.
    ///   - maximumSize: How large that may become. The reserve of a small one is small.
    init(database: String, maximumSize: Int?) {
        path = database + "-reserve"
        let found = DatabasePath.size(path)
        if (Self.smallestSize...Self.usualSize).contains(found) {
            size = found
            filled = Mutex(true)
        } else {
            // Of a small disk, not all.
            let room = min(Self.freeSpace(database), maximumSize ?? .max)
            size = max(Self.smallestSize, min(Self.usualSize, room / 8))
            filled = Mutex(false)
            fill()
        }
    }

    /// Whether the room is kept at this moment.
    var isFilled: Bool { filled.withLock { $0 } }

    /// After how many pages the log is written into the database: so few that the reserve has room for all of them, and for what
    /// is deleted. Otherwise the log could neither be continued nor ended on a full disk.
    func checkpointPages(of pageSize: Int) -> Int { max(16, min(1_000, size / 5 * 4 / max(1, pageSize))) }

    /// How many rows are deleted in one transaction where there is no room but the reserve.
    var rowsAtOnce: Int { max(32, size / 8_192) }

    /// Takes the room, if it is there.
    func fill() {
        filled.withLock { filled in
            guard !filled else { return }
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            guard file >= 0 else { return }
            defer { _ = close(file) }
            // Written, since some file systems only note how large a file is to be; and nothing that compresses well.
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

    /// Gives the room up.
    func release() {
        filled.withLock { filled in
            _ = truncate(path, 0)
            filled = false
        }
    }

    /// How much room there is on the disk of a file for this user, in bytes.
    static func freeSpace(_ path: String) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return 0 }
        return Int(clamping: UInt64(status.f_bavail)).multipliedReportingOverflow(by: Int(status.f_frsize)).partialValue
    }
}
