// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// Why the engine did not do what it was asked for.
public enum RunEngineError: Error, Sendable {
    case unknownAgent(AgentName)
    case unknownRun(RunID)
    case unknownSession(SessionID)
    /// What the caller sent is wrong.
    case invalidInput(String)
    /// An answer for a run that awaits none.
    case notAwaiting(RunID, RunStatus)
    /// The run has ended: it cannot be cancelled any more.
    case alreadyEnded(RunID, RunStatus)
    /// The run has not ended: it cannot be deleted yet.
    case notEnded(RunID, RunStatus)
    /// As many runs as the configuration allows are running, and as many as it allows wait.
    case tooManyRuns(limit: Int)
    /// Another run of the session has not ended, and they may not overlap.
    case sessionBusy(SessionID)
    /// The idempotency key was used for another request.
    case keyReused(RunID)
    /// The process is about to end and takes no new runs.
    case shuttingDown
    /// The storage failed.
    case storage(StorageError)
}

extension RunEngineError {
    /// - Returns: The error itself, unless it is the storage's.
    static func wrapping(_ error: any Error) -> any Error {
        if let error = error as? StorageError { RunEngineError.storage(error) } else { error }
    }
}

extension RunEngineError: CustomStringConvertible {
    /// What went wrong and, where there is one, the remedy.
    public var description: String {
        switch self {
        case .unknownAgent(let name): "there is no agent \(name) here: GET /agents lists those there are"
        case .unknownRun(let id): "there is no run \(id): it never was here, has expired, or was deleted"
        case .unknownSession(let id): "there is no session \(id): it never was here, has expired, or was deleted"
        case .invalidInput(let message): message
        case .notAwaiting(let id, let status): "run \(id) is \(status.rawValue) and awaits no answer"
        case .alreadyEnded(let id, let status): "run \(id) is \(status.rawValue) already and cannot be cancelled"
        case .notEnded(let id, let status):
            "run \(id) is \(status.rawValue): cancel it, or wait for its end, before deleting it"
        case .tooManyRuns(let limit): "\(limit) runs are running, which is the limit: try again later"
        case .sessionBusy(let id):
            "another run of session \(id) has not ended: wait for it, or cancel it, before starting the next one"
        case .keyReused(let id):
            "the idempotency key was used for another request, which created run \(id): use a new key for each request"
        case .shuttingDown: "this server is shutting down and takes no new runs: try again"
        case .storage(let error): "the storage failed: \(error.message)"
        }
    }

    /// What remote callers may read of the error. Unlike ``description``, it says of a storage's error only what
    /// `StorageError.publicMessage` does.
    public var publicMessage: String {
        if case .storage(let error) = self { error.publicMessage } else { description }
    }
}
