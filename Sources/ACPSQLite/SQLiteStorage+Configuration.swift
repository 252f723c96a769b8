// SPDX-License-Identifier: Apache-2.0

public import ACPStorage

extension SQLiteStorage {
    /// The file of a ``SQLiteStorage``, and how data is kept in it.
    ///
    /// ```swift
    /// let configuration = SQLiteStorage.Configuration(path: "runs.sqlite", timeToLive: .seconds(90 * 86_400))
    /// let storage = try SQLiteStorage(configuration)
    /// ```
    public struct Configuration: Sendable {
        /// What a commit survives once it was acknowledged.
        public enum Durability: Sendable, Hashable {
            /// A commit returns when the operating system has confirmed that it is on the disk. It survives a power
            /// failure.
            case full
            /// A commit returns when the operating system has received it. It survives the end of the process, as with
            /// ``full``. After a power failure or a crash of the operating system, the last commits may be missing, but
            /// the database is consistent. Commits take a fraction of the time.
            case normal

            var pragma: String {
                switch self {
                case .full: "FULL"
                case .normal: "NORMAL"
                }
            }
        }

        /// The smallest value of ``maximumSize``: the largest page that a database can have.
        static let smallestSize = 65_536
        static let longestTimeToLive = Duration.seconds(100 * 365 * 86_400)

        /// The path of the database file. The file is created if it does not exist; its folder must exist. While the
        /// storage is open, SQLite keeps two more files next to it (`-wal`, `-shm`), and the storage keeps one that
        /// locks other processes out (`-lock`).
        public var path: String
        /// What a commit survives. Defaults to ``Durability/full``.
        public var durability: Durability
        /// How long a run is kept after its end, and a session after its last use and its last run. If `nil`, the
        /// default, they are kept until they are deleted. Must be longer than zero and at most 100 years.
        ///
        /// In contrast to Redis, the time of a run counts from its end: runs that have not ended are never deleted.
        public var timeToLive: Duration?
        /// The maximum size of the file, in bytes. Data that does not fit is refused with the code `full`. If `nil`,
        /// the default, the disk is the limit. Must be 65,536 or more.
        public var maximumSize: Int?
        /// The number of connections that read at the same time. Defaults to 4. Must be 1 or more.
        public var readers: Int

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - path: The path of the database file.
        ///   - durability: What a commit survives. Defaults to ``Durability/full``.
        ///   - timeToLive: How long a run is kept after its end. If `nil`, it is kept until it is deleted.
        ///   - maximumSize: The maximum size of the file, in bytes. If `nil`, there is no limit.
        ///   - readers: The number of connections that read at the same time. Defaults to 4.
        public init(
            path: String, durability: Durability = .full, timeToLive: Duration? = nil, maximumSize: Int? = nil,
            readers: Int = 4
        ) {
            self.path = path
            self.durability = durability
            self.timeToLive = timeToLive
            self.maximumSize = maximumSize
            self.readers = readers
        }

        /// Checks what can be checked without the file. The initializers of ``SQLiteStorage`` call it.
        ///
        /// - Throws: `StorageError` with code `invalidConfiguration`, whose message names the value and what is
        ///   allowed.
        public func validate() throws(StorageError) {
            try Self.validate(path: path)
            if let timeToLive, timeToLive <= .zero || timeToLive > Self.longestTimeToLive {
                throw StorageError(
                    .invalidConfiguration,
                    "the time to live is \(timeToLive); it must be longer than zero and at most 100 years, or nil to "
                        + "keep "
                        + "everything")
            }
            if let maximumSize, maximumSize < Self.smallestSize {
                throw StorageError(
                    .invalidConfiguration,
                    "the maximum size is \(maximumSize) bytes; it must be \(Self.smallestSize) or more")
            }
            guard readers >= 1 else {
                throw StorageError(
                    .invalidConfiguration, "the number of readers is \(readers); it must be 1 or more")
            }
        }

        static func validate(path: String) throws(StorageError) {
            guard !path.isEmpty, path != ":memory:", !path.hasPrefix("file:") else {
                throw StorageError(
                    .invalidConfiguration,
                    "\"\(path)\" does not name a file: a SQLite storage keeps its data in one. Use MemoryStorage for "
                        + "data "
                        + "that may be lost")
            }
        }
    }
}
