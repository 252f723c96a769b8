// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// When to look up the topology: at the start, on evidence that it changed, and from time to time.
///
/// ```
/// idle ──start, evidence, interval over──▶ running ──finished──▶ resting ──▶ idle
/// ```
///
/// One lookup is under way at a time, however many callers run into trouble at once, and between two there is a pause:
/// short after the first one, doubling for as long as things stay unsettled. A random part of each pause keeps many clients
/// from asking at the same moment. Does no I/O and knows no clock.
struct RefreshStateMachine {
    struct Settings {
        /// Between lookups while nothing happens.
        var interval: TimeAmount
        /// After a lookup that did not settle things, or on evidence right after one. Doubles.
        var initialPause: TimeAmount
        var maxPause: TimeAmount
    }

    enum Outcome: Equatable {
        /// All is well.
        case settled
        /// Something is wrong or unknown still: look again soon.
        case unsettled
    }

    private enum State: Equatable {
        case idle
        case running
    }

    private let settings: Settings
    private var state = State.idle
    private var isStarted = false
    private var hasEvidence = false
    private var unsettled = 0
    /// No lookup begins before this.
    private var restUntil: NIODeadline = .distantPast
    /// The next lookup without evidence.
    private var regular: NIODeadline = .distantFuture

    init(_ settings: Settings) {
        self.settings = settings
    }

    /// The client is used for the first time.
    mutating func start() {
        guard !self.isStarted else { return }
        self.isStarted = true
        self.hasEvidence = true
    }

    /// Something happened that should not if the topology were as it is thought to be.
    mutating func evidence() {
        self.hasEvidence = true
    }

    /// Something is known for certain, for example by an announcement: what rests need not rest any longer.
    mutating func urgentEvidence() {
        self.hasEvidence = true
        self.restUntil = .distantPast
    }

    /// Whether a lookup begins now. If so, `finished` has to follow.
    mutating func poll(now: NIODeadline) -> Bool {
        guard self.isStarted, self.state == .idle, let next = self.next, next <= now else { return false }
        self.state = .running
        self.hasEvidence = false
        return true
    }

    /// When to call `poll`; nil if a lookup is under way or nothing was started.
    var next: NIODeadline? {
        guard self.isStarted, self.state == .idle else { return nil }
        return self.hasEvidence ? self.restUntil : max(self.restUntil, self.regular)
    }

    /// A lookup has ended. `random` is between 0 and 1.
    mutating func finished(_ outcome: Outcome, now: NIODeadline, random: Double) {
        self.state = .idle
        switch outcome {
        case .settled:
            self.unsettled = 0
            self.regular = now + Backoff.shorten(self.settings.interval, by: random)
        case .unsettled:
            self.unsettled += 1
            self.hasEvidence = true
        }
        let backoff = Backoff(initial: self.settings.initialPause, limit: self.settings.maxPause)
        self.restUntil = now + backoff.pause(afterFailures: self.unsettled, random: random)
    }
}

extension RefreshStateMachine.Settings {
    /// The pauses of all topologies.
    init(interval: Duration) {
        self.init(interval: interval.timeAmount, initialPause: .milliseconds(50), maxPause: .milliseconds(500))
    }
}
