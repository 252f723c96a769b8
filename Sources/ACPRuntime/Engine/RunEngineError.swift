// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// The reason why an engine did not perform an operation.
public struct RunEngineError: Error, Sendable {
    /// The kind of an error. More kinds may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        private init(_ name: String) { description = name }

        /// There is no agent with this name.
        public static let unknownAgent = Code("unknownAgent")
        /// There is no run with this id: it was never created, has expired, or was deleted.
        public static let unknownRun = Code("unknownRun")
        /// There is no session with this id: it was never created, has expired, or was deleted.
        public static let unknownSession = Code("unknownSession")
        /// An agent with this name exists already.
        public static let duplicateAgent = Code("duplicateAgent")
        /// The request is invalid; the message contains the reason.
        public static let invalidInput = Code("invalidInput")
        /// The run does not await an answer.
        public static let notAwaiting = Code("notAwaiting")
        /// The run has ended and cannot be cancelled.
        public static let alreadyEnded = Code("alreadyEnded")
        /// The run has not ended and cannot be deleted yet.
        public static let notEnded = Code("notEnded")
        /// As many runs as the configuration allows are active, and as many as it allows are queued.
        public static let tooManyRuns = Code("tooManyRuns")
        /// Another run of the session has not ended, and the agent's policy refuses a second one.
        public static let sessionBusy = Code("sessionBusy")
        /// The session belongs to another principal.
        public static let foreignSession = Code("foreignSession")
        /// The idempotency key was used for a different request.
        public static let keyReused = Code("keyReused")
        /// The process is shutting down and accepts no new runs.
        public static let shuttingDown = Code("shuttingDown")
        /// The engine's configuration is not valid; the message names the property.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// The storage failed. ``RunEngineError/storageError`` is its error.
        public static let storage = Code("storage")
    }

    /// The kind of the error.
    public var code: Code
    /// What went wrong and, where there is one, the remedy.
    public var message: String
    /// The run's status, for `notAwaiting`, `alreadyEnded` and `notEnded`.
    public var runStatus: RunStatus?
    /// The error of the storage, for `storage`.
    public var storageError: StorageError?

    private init(
        _ code: Code, _ message: String, runStatus: RunStatus? = nil, storageError: StorageError? = nil
    ) {
        self.code = code
        self.message = message
        self.runStatus = runStatus
        self.storageError = storageError
    }

    /// The text for remote callers. Unlike ``message``, it contains only the `StorageError.publicMessage` of a
    /// storage's error.
    public var publicMessage: String { storageError?.publicMessage ?? message }
}

extension RunEngineError: CustomStringConvertible {
    /// The ``message``.
    public var description: String { message }
}

// MARK: - Errors of the engine

extension RunEngineError {
    package static func unknownAgent(_ name: AgentName) -> Self {
        Self(.unknownAgent, "there is no agent \(name): GET /agents lists the agents of this server")
    }

    package static func unknownRun(_ id: RunID) -> Self {
        Self(.unknownRun, "there is no run \(id): it was never created, has expired, or was deleted")
    }

    package static func unknownSession(_ id: SessionID) -> Self {
        Self(.unknownSession, "there is no session \(id): it was never created, has expired, or was deleted")
    }

    package static func duplicateAgent(_ name: AgentName) -> Self {
        Self(.duplicateAgent, "an agent with the name \(name) exists already: use a different name for each agent")
    }

    package static func invalidInput(_ message: String) -> Self { Self(.invalidInput, message) }

    package static func notAwaiting(_ id: RunID, _ status: RunStatus) -> Self {
        Self(.notAwaiting, "run \(id) is \(status.rawValue) and does not await an answer", runStatus: status)
    }

    package static func alreadyEnded(_ id: RunID, _ status: RunStatus) -> Self {
        Self(.alreadyEnded, "run \(id) is \(status.rawValue) already and cannot be cancelled", runStatus: status)
    }

    package static func notEnded(_ id: RunID, _ status: RunStatus) -> Self {
        Self(
            .notEnded, "run \(id) is \(status.rawValue): cancel it, or wait for its end, before deleting it",
            runStatus: status)
    }

    package static func tooManyRuns(limit: Int) -> Self {
        Self(.tooManyRuns, "\(limit) runs are active, which is the limit: try again later")
    }

    package static func sessionBusy(_ id: SessionID) -> Self {
        Self(
            .sessionBusy,
            "another run of session \(id) has not ended: wait for it, or cancel it, before starting the next one")
    }

    package static func foreignSession(_ id: SessionID) -> Self {
        Self(.foreignSession, "session \(id) belongs to another caller: use a different id, or none for a new session")
    }

    package static func keyReused(_ id: RunID) -> Self {
        Self(
            .keyReused,
            "the idempotency key was used for a different request, which created run \(id): use a new key for each "
                + "request"
        )
    }

    package static var shuttingDown: Self {
        Self(.shuttingDown, "this server is shutting down and accepts no new runs: try again")
    }

    package static func invalidConfiguration(_ message: String) -> Self { Self(.invalidConfiguration, message) }

    package static func storage(_ error: StorageError) -> Self {
        // That a run was deleted is no failure.
        let message = error.code == .deleted ? error.message : "the storage failed: \(error.message)"
        return Self(.storage, message, storageError: error)
    }

    /// Returns a storage's error as an error of the engine, and any other error unchanged.
    static func wrapping(_ error: any Error) -> any Error {
        if let error = error as? StorageError { RunEngineError.storage(error) } else { error }
    }
}
