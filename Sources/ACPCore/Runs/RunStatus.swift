// SPDX-License-Identifier: Apache-2.0

/// Where a run stands.
public enum RunStatus: String, Sendable, Hashable, CaseIterable {
    /// Accepted, not yet started.
    case created
    /// The agent works.
    case inProgress = "in-progress"
    /// The agent has asked something and waits for the answer.
    case awaiting
    /// Somebody asked to cancel; the agent has not stopped yet.
    case cancelling
    case cancelled
    case completed
    case failed

    /// Whether a run in this status never changes again.
    public var isTerminal: Bool {
        switch self {
        case .cancelled, .completed, .failed: true
        case .created, .inProgress, .awaiting, .cancelling: false
        }
    }

    /// Whether a caller that waits for an answer has one: the run has ended, or it waits for its caller.
    public var isSettled: Bool { isTerminal || self == .awaiting }

    /// The statuses that a run may take next. The one place that says so.
    public var successors: Set<RunStatus> {
        switch self {
        case .created: [.inProgress, .cancelling, .cancelled, .failed]
        case .inProgress: [.awaiting, .cancelling, .cancelled, .completed, .failed]
        case .awaiting: [.inProgress, .cancelling, .cancelled, .failed]
        case .cancelling: [.cancelled]
        case .cancelled, .completed, .failed: []
        }
    }

    /// Whether a run may go from this status to another.
    public func canBecome(_ next: RunStatus) -> Bool { successors.contains(next) }
}

/// How a caller wants the answer of a run.
public enum RunMode: String, Sendable, Hashable, CaseIterable {
    /// The call returns when the run has ended or awaits something.
    case sync
    /// The call returns at once; the run is followed later.
    case async
    /// The call returns a stream of events.
    case stream
}
