// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The schedule of topology lookups: at the start, on evidence of a change, and at regular intervals.
///
/// ```
/// idle ──start, evidence, interval over──▶ running ──finished──▶ resting ──▶ idle
/// ```
///
/// At most one lookup is in progress, however many callers fail at once. Between lookups there is a pause: short after
/// the first one, doubling while the topology is unsettled. Part of each pause is random, so that clients do not query
/// in step. The state machine does no I/O and has no clock.
struct RefreshStateMachine {
    struct Settings {
        /// The interval between lookups without evidence.
        var interval: TimeAmount
        /// The pause after an unsettled lookup, or before a lookup on evidence. Doubles up to `maxPause`.
        var initialPause: TimeAmount
        var maxPause: TimeAmount
    }

    enum Outcome: Equatable {
        /// The topology is complete and consistent.
        case settled
        /// The topology is incomplete or inconsistent: look it up again soon.
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
    /// The earliest time of the next lookup.
    private var pausedUntil: NIODeadline = .distantPast
    /// The time of the next lookup without evidence.
    private var nextScheduled: NIODeadline = .distantFuture

    init(_ settings: Settings) {
        self.settings = settings
    }

    /// Starts lookups when the client is first used.
    mutating func start() {
        guard !isStarted else { return }
        isStarted = true
        hasEvidence = true
    }

    /// Requests a lookup because of evidence that the topology has changed.
    mutating func noteEvidence() {
        hasEvidence = true
    }

    /// Requests a lookup without a pause, for example because of an announcement.
    mutating func noteUrgentEvidence() {
        hasEvidence = true
        pausedUntil = .distantPast
    }

    /// Returns whether a lookup begins now. If so, `finished` must follow.
    mutating func poll(now: NIODeadline) -> Bool {
        guard isStarted, state == .idle, let next = self.next, next <= now else { return false }
        state = .running
        hasEvidence = false
        return true
    }

    /// When to call `poll`, or `nil` if a lookup is in progress or lookups were not started.
    var next: NIODeadline? {
        guard isStarted, state == .idle else { return nil }
        return hasEvidence ? pausedUntil : max(pausedUntil, nextScheduled)
    }

    /// Processes the end of a lookup. `random` is between 0 and 1.
    mutating func finished(_ outcome: Outcome, now: NIODeadline, random: Double) {
        state = .idle
        switch outcome {
        case .settled:
            unsettled = 0
            nextScheduled = now + Backoff.jittered(settings.interval, by: random)
        case .unsettled:
            unsettled += 1
            hasEvidence = true
        }
        let backoff = Backoff(initial: settings.initialPause, limit: settings.maxPause)
        pausedUntil = now + backoff.pause(afterFailures: unsettled, random: random)
    }
}

extension RefreshStateMachine.Settings {
    /// Creates the settings that all topologies use.
    init(interval: Duration) {
        self.init(interval: interval.timeAmount, initialPause: .milliseconds(50), maxPause: .milliseconds(500))
    }
}
