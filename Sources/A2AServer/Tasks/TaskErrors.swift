// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage

extension A2AError.Code {
    /// The idempotency key was used for a different message. The protocol has no code of JSON-RPC for it.
    static let idempotencyKeyReused = A2AError.Code(
        number: -32000, httpStatus: 422, grpcStatus: .invalidArgument, reason: "IDEMPOTENCY_KEY_REUSED")
    /// Another task of the context has not ended, and the agent refuses a second one. The protocol has no code of
    /// JSON-RPC for it.
    static let contextBusy = A2AError.Code(
        number: -32000, httpStatus: 409, grpcStatus: .aborted, reason: "CONTEXT_BUSY")
}

extension A2AError {
    /// Creates the error of a task that does not exist, or belongs to another agent.
    static func taskNotFound(_ id: A2A.TaskID) -> A2AError {
        A2AError(
            .taskNotFound,
            "there is no task \(id.rawValue.prefix(140)): it was never created, has expired, or was deleted",
            metadata: ["taskId": String(id.rawValue.prefix(140))])
    }

    /// Creates the error of a field that has a wrong value.
    static func invalid(_ field: String, _ description: String) -> A2AError {
        A2AError(
            .invalidParams, "\(field): \(description)",
            violations: [FieldViolation(field: field, description: description)])
    }

    /// Creates the error of a task that is not in the right state.
    static func unsupported(_ message: String, task: RunID) -> A2AError {
        A2AError(.unsupportedOperation, message, metadata: ["taskId": task.rawValue])
    }

    /// Creates the error of a call from an error of the engine.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - task: The task that the call is about, or that it has created although it failed.
    init(_ error: RunEngineError, task: RunID?) {
        let message = error.publicMessage
        let task = task?.rawValue
        switch error.code {
        case .unknownRun:
            self = .taskNotFound(A2A.TaskID(rawValue: task ?? ""))
        case .foreignSession:
            self.init(.permissionDenied, "the context belongs to another caller: use a different contextId, or none")
        case .unknownAgent: self.init(.invalidParams, message)
        case .unknownSession, .invalidInput: self.init(.invalidParams, message)
        case .alreadyEnded:
            let state = error.runStatus.map { " (\(Self.name($0)))" } ?? ""
            self.init(.taskNotCancelable, "task \(task ?? "") has ended\(state) and cannot be canceled")
        case .notAwaiting:
            self.init(.unsupportedOperation, Self.notAwaiting(task, error.runStatus))
        case .keyReused:
            self.init(
                .idempotencyKeyReused,
                "the idempotency key was used for a different message: use a new key for each message")
        case .sessionBusy:
            self.init(.contextBusy, "another task of the context has not ended: wait for it, or cancel it")
        case .tooManyRuns, .shuttingDown: self.init(.unavailable, message)
        case .storage where error.storageError?.code == .deleted:
            self.init(
                .idempotencyKeyReused,
                "the task of the first message with this idempotency key was deleted: use a new key for each message")
        case .storage where error.storageError?.code == .corruptData || error.storageError?.code == .incomplete:
            self.init(.internalError, message)
        case .storage: self.init(.unavailable, message)
        default: self.init(.internalError, message)
        }
        if let task { metadata["taskId"] = task }
    }

    private static func notAwaiting(_ task: String?, _ status: RunStatus?) -> String {
        let subject = task.map { "task \($0)" } ?? "the task"
        guard let status else { return "\(subject) does not wait for a message" }
        return status.isTerminal
            ? "\(subject) has ended (\(name(status))) and accepts no more messages: send a message without taskId, "
                + "which begins a new task"
            : "\(subject) is \(name(status)) and does not wait for a message: wait until it needs input"
    }

    private static func name(_ status: RunStatus) -> String {
        switch status {
        case .created: "submitted"
        case .inProgress, .cancelling: "working"
        case .awaiting: "waiting for input"
        case .completed: "completed"
        case .failed: "failed"
        case .cancelled: "canceled"
        }
    }

    /// Creates the error of a task that does not take a message.
    static func notAwaiting(_ run: Run) -> A2AError {
        .unsupported(notAwaiting(run.id.rawValue, run.status), task: run.id)
    }
}

extension TaskService {
    /// Performs a call, and throws the errors of the engine and of the storage as errors of the protocol.
    ///
    /// - Parameter task: The task that the call is about.
    func reporting<Result>(task: RunID? = nil, _ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as RunEngineError {
            throw A2AError(error, task: task)
        } catch let error as StorageError {
            throw A2AError(.storage(error), task: task)
        } catch let error as ACPError {
            throw A2AError(error.code == .invalidInput ? .invalidParams : .internalError, error.message)
        }
    }
}
