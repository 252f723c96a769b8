// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// An event as it arrives in a stream, with its place in the run.
public struct StreamedEvent: Sendable, Hashable {
    /// The event's index in the run's list of events, from 0. Nil if the server does not number its events and the
    /// stream did not begin with the first one.
    public var index: Int?
    /// What happened.
    public var event: Event

    public init(index: Int?, event: Event) {
        self.index = index
        self.event = event
    }
}

/// Up to where a run is watched.
public enum RunMilestone: Sendable, Hashable {
    /// Until the run has ended, or asks something that its caller has to answer.
    case settled
    /// Until the run has ended.
    case terminal

    /// Whether a run of that status has reached the milestone.
    public func isReached(by status: RunStatus) -> Bool {
        switch self {
        case .settled: status.isSettled
        case .terminal: status.isTerminal
        }
    }

    func isReached(by kind: Event.Kind) -> Bool {
        switch self {
        case .settled: kind.isSettled
        case .terminal: kind.isTerminal
        }
    }
}
