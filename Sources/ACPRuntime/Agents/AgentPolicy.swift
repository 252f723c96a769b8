// SPDX-License-Identifier: Apache-2.0

/// Timeouts, recovery and concurrency of an agent's runs.
///
/// ```swift
/// try server.addAgent("booking", policy: AgentPolicy(recovery: .replay, awaitTimeout: .seconds(3_600))) { context in
///     let date = try await context.awaitMessage("For which day?")
///     return "Booked for \(date.text)"
/// }
/// ```
public struct AgentPolicy: Sendable, Hashable {
    /// What happens to a run whose handler was running when its process ended.
    public enum Recovery: Sendable, Hashable {
        /// The run fails with an error that names the reason.
        case fail
        /// Another process runs the handler again from the start. Output that was sent before is not sent again, and
        /// questions that were answered get the same answers. This requires a handler that does the same each time.
        case replay
    }

    /// What happens to a new run while another run of its session has not ended.
    public enum SessionRuns: String, Sendable, Hashable, CaseIterable {
        /// Both run concurrently.
        case overlap
        /// The new run is queued until it is its turn. A run that awaits an answer has not ended: use a timeout for
        /// questions.
        case queue
        /// The new run is refused with ``RunEngineError`` code `sessionBusy`, which is status 409 over HTTP.
        case refuse
    }

    /// What happens to a run whose handler was running when its process ended. Runs that await an answer or are queued
    /// continue with either value.
    public var recovery: Recovery
    /// The time after which a run fails if its question is not answered, for questions without a timeout of their own.
    /// If `nil`, the run waits without a limit.
    public var awaitTimeout: Duration?
    /// Whether runs leave memory while they await an answer: see
    /// ``EngineConfiguration/awaitingRunsLeaveMemoryAfter``. If `nil`, they do if ``recovery`` is `replay`.
    ///
    /// The handler of a run that leaves memory is cancelled, and runs again from the start when the answer arrives. Use
    /// `false` for handlers that are expensive to repeat, or that do other work while they wait, such as timing the
    /// question themselves: that work ends with them. Use `true` for handlers that do the same each time although their
    /// runs should fail if their process ends while they work.
    public var leavesMemory: Bool?
    /// How concurrent runs of one session are handled. If `nil`, ``EngineConfiguration/sessionRuns`` applies.
    ///
    /// Use the same value for all agents that take part in the same sessions.
    public var sessionRuns: SessionRuns?

    /// Creates a policy.
    ///
    /// - Parameters:
    ///   - recovery: What happens to a run whose process ends. Defaults to `fail`.
    ///   - awaitTimeout: The timeout of questions. Defaults to none.
    ///   - sessionRuns: How concurrent runs of one session are handled. Defaults to the engine's configuration.
    ///   - leavesMemory: Whether runs leave memory while they await an answer. Defaults to whether `recovery` is
    ///     `replay`.
    public init(
        recovery: Recovery = .fail, awaitTimeout: Duration? = nil, sessionRuns: SessionRuns? = nil,
        leavesMemory: Bool? = nil
    ) {
        self.recovery = recovery
        self.awaitTimeout = awaitTimeout
        self.sessionRuns = sessionRuns
        self.leavesMemory = leavesMemory
    }

    /// Whether runs leave memory while they await an answer.
    var canLeaveMemory: Bool { leavesMemory ?? (recovery == .replay) }
}
