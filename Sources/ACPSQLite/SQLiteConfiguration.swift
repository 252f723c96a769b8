// SPDX-License-Identifier: Apache-2.0

/// Where a ``SQLiteStorage`` keeps its data, and how.
public struct SQLiteConfiguration: Sendable {
    /// What survives what.
    public enum Durability: Sendable, Hashable {
        /// A commit returns when the system has told that it is on the disk: it survives a power failure.
        case full
        /// A commit returns when the system has it. It survives the death of the process, as with ``full``; after a power
        /// failure or a crash of the system the last commits may be missing, but the database is in order. Commits take
        /// a fraction of the time.
        case normal

        var pragma: String {
            switch self {
            case .full: "FULL"
            case .normal: "NORMAL"
            }
        }
    }

    /// The database file. It is made if it is not there; its folder has to be. SQLite keeps two more files beside it while the
    /// storage is open (`-wal`, `-shm`), and the storage one that keeps other processes out (`-lock`).
    public var path: String
    /// What survives what. ``Durability/full`` unless said otherwise.
    public var durability: Durability
    /// How long runs are kept after their end, and sessions after their last use and their last run. Nil, the default, keeps
    /// them until they are deleted. Unfinished runs are kept in any case.
    public var retention: Duration?
    /// How large the file may become, in bytes. What does not fit is refused with the code `full`. Nil: as large as the disk
    /// allows.
    public var maximumSize: Int?
    /// How many connections read at the same time.
    public var readers: Int

    /// - Parameters:
    ///   - path: The database file.
    ///   - durability: Whether an acknowledged commit survives a power failure. It does unless said otherwise.
    ///   - retention: How long ended runs are kept. For ever unless said otherwise.
    ///   - maximumSize: How large the file may become, in bytes. No limit unless said otherwise.
    ///   - readers: How many connections read at the same time: 4 unless said otherwise.
    public init(
        path: String, durability: Durability = .full, retention: Duration? = nil, maximumSize: Int? = nil,
        readers: Int = 4
    ) {
        self.path = path
        self.durability = durability
        self.retention = retention
        self.maximumSize = maximumSize
        self.readers = max(1, readers)
    }
}
