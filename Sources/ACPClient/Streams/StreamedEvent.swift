// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// An event of a stream, with its index in the run.
public struct StreamedEvent: Sendable, Hashable {
    /// The event's index in the run's list of events, from 0. `nil` if the server does not number its events and the
    /// stream did not begin with the first one.
    public var index: Int?
    /// What happened.
    public var event: Event

    /// Creates an event with an index.
    public init(index: Int?, event: Event) {
        self.index = index
        self.event = event
    }
}

/// The state of a run at which waiting or a stream ends.
public enum RunMilestone: Sendable, Hashable {
    /// The run has ended, or awaits an answer of its caller.
    case settled
    /// The run has ended.
    case terminal

    /// Returns whether a run with a status has reached the milestone.
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
