// SPDX-License-Identifier: Apache-2.0

/// The status of a run.
public enum RunStatus: String, Sendable, Hashable, CaseIterable {
    /// The run was accepted and has not started yet.
    case created
    /// The agent is working.
    case inProgress = "in-progress"
    /// The agent has asked its caller a question and waits for the answer.
    case awaiting
    /// A caller requested to cancel the run; the agent has not stopped yet.
    case cancelling
    /// The run ended because it was cancelled.
    case cancelled
    /// The run ended successfully.
    case completed
    /// The run ended with an error, which is ``Run/error``.
    case failed

    /// Whether a run in this status never changes again.
    public var isTerminal: Bool {
        switch self {
        case .cancelled, .completed, .failed: true
        case .created, .inProgress, .awaiting, .cancelling: false
        }
    }

    /// Whether a caller need not wait any longer: the run has ended, or it awaits an answer from its caller.
    public var isSettled: Bool { isTerminal || self == .awaiting }

    /// The statuses that can follow this one. All other code derives the rule from here.
    public var successors: Set<RunStatus> {
        switch self {
        case .created: [.inProgress, .cancelling, .cancelled, .failed]
        case .inProgress: [.awaiting, .cancelling, .cancelled, .completed, .failed]
        case .awaiting: [.inProgress, .cancelling, .cancelled, .failed]
        case .cancelling: [.cancelled]
        case .cancelled, .completed, .failed: []
        }
    }

    /// Returns whether a run can change from this status to another.
    public func canBecome(_ next: RunStatus) -> Bool { successors.contains(next) }
}

/// How a caller receives the result of a run.
public enum RunMode: String, Sendable, Hashable, CaseIterable {
    /// The call returns when the run has ended or awaits an answer.
    case sync
    /// The call returns at once. The caller follows the run with further calls.
    case async
    /// The call returns a stream of events.
    case stream
}
