// SPDX-License-Identifier: Apache-2.0

/// What a storage could not do, and why.
public struct StorageError: Error, Sendable {
    /// What kind of error this is.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }

        /// The backend cannot be reached. Nothing was changed.
        public static let cannotConnect = Code("cannotConnect")
        /// The backend did not answer in time, before anything was sent.
        public static let timedOut = Code("timedOut")
        /// The request left, its answer was lost: it may have happened or not. Commits may simply be repeated.
        public static let outcomeUnknown = Code("outcomeUnknown")
        /// The backend said no, and changed nothing: a wrong password, a missing permission, read-only.
        public static let refused = Code("refused")
        /// Something is stored that cannot be read. The message names it.
        public static let corruptData = Code("corruptData")
        /// The run belongs to another owner by now; the caller must stop writing it.
        public static let fenced = Code("fenced")
        /// Something else is there than the caller expected.
        public static let conflict = Code("conflict")
        /// There is no such run or session.
        public static let notFound = Code("notFound")
        /// Part of a run is missing: it was evicted, or deleted by hand. The message names what is missing. The run cannot go
        /// on, but it can still be claimed, saved and deleted.
        public static let incomplete = Code("incomplete")
        /// The backend has no room for what was to be written: its disk is full, or a limit on its size is reached. The same
        /// call succeeds once there is room.
        public static let full = Code("full")
        /// The storage was closed.
        public static let closed = Code("closed")
    }

    public var code: Code
    /// What went wrong and, where there is one, the remedy. For operators: it may name addresses, files and keys, never a
    /// secret. Remote callers get ``publicMessage``.
    public var message: String
    /// What the backend's own client said.
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Whether the same call may succeed a little later.
    public var isTransient: Bool {
        code == .cannotConnect || code == .timedOut || code == .outcomeUnknown
    }
}

extension StorageError: CustomStringConvertible {
    public var description: String {
        cause.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
    }
}
