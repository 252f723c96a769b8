// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// When to look up the topology: at the start, on evidence that it changed, and from time to time.
///
/// ```
/// idle ──start, evidence, interval over──▶ running ──finished──▶ resting ──▶ idle
/// ```
///
/// One lookup is under way at a time, however many callers run into trouble at once, and between two there is a pause:
/// short after the first one, doubling for as long as things stay unsettled. A random part of each pause keeps many
/// clients from asking at the same moment. Does no I/O and knows no clock.
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
        guard !isStarted else { return }
        isStarted = true
        hasEvidence = true
    }

    /// Something happened that should not if the topology were as it is thought to be.
    mutating func evidence() {
        hasEvidence = true
    }

    /// Something is known for certain, for example by an announcement: what rests need not rest any longer.
    mutating func urgentEvidence() {
        hasEvidence = true
        restUntil = .distantPast
    }

    /// Whether a lookup begins now. If so, `finished` has to follow.
    mutating func poll(now: NIODeadline) -> Bool {
        guard isStarted, state == .idle, let next = self.next, next <= now else { return false }
        state = .running
        hasEvidence = false
        return true
    }

    /// When to call `poll`; nil if a lookup is under way or nothing was started.
    var next: NIODeadline? {
        guard isStarted, state == .idle else { return nil }
        return hasEvidence ? restUntil : max(restUntil, regular)
    }

    /// A lookup has ended. `random` is between 0 and 1.
    mutating func finished(_ outcome: Outcome, now: NIODeadline, random: Double) {
        state = .idle
        switch outcome {
        case .settled:
            unsettled = 0
            regular = now + Backoff.shorten(settings.interval, by: random)
        case .unsettled:
            unsettled += 1
            hasEvidence = true
        }
        let backoff = Backoff(initial: settings.initialPause, limit: settings.maxPause)
        restUntil = now + backoff.pause(afterFailures: unsettled, random: random)
    }
}

extension RefreshStateMachine.Settings {
    /// The pauses of all topologies.
    init(interval: Duration) {
        self.init(interval: interval.timeAmount, initialPause: .milliseconds(50), maxPause: .milliseconds(500))
    }
}
