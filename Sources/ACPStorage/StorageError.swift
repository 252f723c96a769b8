// SPDX-License-Identifier: Apache-2.0

/// An error of a storage.
public struct StorageError: Error, Sendable {
    /// The kind of an error.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The name of the code.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// The backend cannot be reached. Nothing was changed.
        public static let cannotConnect = Code("cannotConnect")
        /// The backend was not available in time. Nothing was changed.
        public static let timedOut = Code("timedOut")
        /// The request was sent, but the reply was lost: the operation may have been performed or not. Commits can be
        /// repeated safely.
        public static let outcomeUnknown = Code("outcomeUnknown")
        /// The backend refused the operation and changed nothing: a wrong password, a missing permission, a read-only
        /// server.
        public static let refused = Code("refused")
        /// A stored document cannot be decoded. The message names it.
        public static let corruptData = Code("corruptData")
        /// The run belongs to another owner now; the caller must stop writing it.
        public static let fenced = Code("fenced")
        /// The stored data are not in the state that the caller expected.
        public static let conflict = Code("conflict")
        /// The run is being cancelled: a cancel signal is stored, so that it cannot end in another way. See
        /// ``Storage/commit(_:)``.
        public static let cancelled = Code("cancelled")
        /// The question of the run was answered, so that it cannot fail for want of an answer. See
        /// ``Storage/commit(_:)``.
        public static let answered = Code("answered")
        /// There is no such run or session.
        public static let notFound = Code("notFound")
        /// The run was deleted for good, and cannot be created again. See ``Storage/deleteRun(_:forGood:)``.
        public static let deleted = Code("deleted")
        /// Part of a run is missing: it was evicted, or deleted manually. The message names the missing part. The run
        /// cannot continue, but it can still be claimed, saved and deleted.
        public static let incomplete = Code("incomplete")
        /// The backend has no room for the data: its disk is full, or a limit on its size is reached. The same call
        /// succeeds once there is room.
        public static let full = Code("full")
        /// A value of the storage's configuration is invalid. The message names it and what is allowed. Nothing was opened.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// The storage was closed.
        public static let closed = Code("closed")
    }

    /// The kind of the error.
    public var code: Code
    /// What went wrong and, if there is one, the remedy.
    ///
    /// For operators: it may contain addresses, files and keys, but never a secret. Remote callers receive
    /// ``publicMessage``.
    public var message: String
    /// The error of the backend's client library.
    public var cause: (any Error)?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: The kind of the error.
    ///   - message: What went wrong and, if there is one, the remedy. It must not contain secrets.
    ///   - cause: The error of the backend's client library. Defaults to `nil`.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Whether the same call may succeed shortly afterwards.
    public var isTransient: Bool {
        code == .cannotConnect || code == .timedOut || code == .outcomeUnknown
    }
}

extension StorageError: CustomStringConvertible {
    /// The code, the message and the cause.
    public var description: String {
        cause.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
    }
}
