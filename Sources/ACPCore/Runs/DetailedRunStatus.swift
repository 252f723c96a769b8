// SPDX-License-Identifier: Apache-2.0

/// The status of a run, with distinctions that ACP's ``RunStatus`` does not make and other protocols do.
public enum DetailedRunStatus: String, Sendable, Hashable, CaseIterable {
    /// The run is stored, and has not begun.
    case created
    /// The agent works.
    case inProgress = "in-progress"
    /// The agent has asked a question.
    case awaiting
    /// The agent waits until its caller has authenticated: see ``AwaitRequest/isAuthentication``.
    case awaitingAuthentication = "awaiting-authentication"
    /// The run's cancellation was requested.
    case cancelling
    /// The run was cancelled.
    case cancelled
    /// The agent has finished.
    case completed
    /// The run has failed.
    case failed
    /// The agent has refused the run: it has failed with ``ACPError/Code-swift.struct/rejected``.
    case rejected
}

extension Run {
    /// The status of the run, with distinctions that ``status`` does not make.
    public var detailedStatus: DetailedRunStatus {
        switch status {
        case .created: .created
        case .inProgress: .inProgress
        case .awaiting: awaitRequest?.isAuthentication == true ? .awaitingAuthentication : .awaiting
        case .cancelling: .cancelling
        case .cancelled: .cancelled
        case .completed: .completed
        case .failed: error?.code == .rejected ? .rejected : .failed
        }
    }
}
