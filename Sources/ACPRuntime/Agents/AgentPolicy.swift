// SPDX-License-Identifier: Apache-2.0

/// What becomes of an agent's runs when things do not go their usual way.
///
/// ```swift
/// try server.addAgent("booking", policy: AgentPolicy(recovery: .replay, awaitTimeout: .seconds(3_600))) { context in
///     let date = try await context.awaitMessage("For which day?")
///     return "Booked for \(date.text)"
/// }
/// ```
public struct AgentPolicy: Sendable, Hashable {
    /// What happens to a run that was at work when its process ended.
    public enum Recovery: Sendable, Hashable {
        /// It fails, with an error that says so.
        case fail
        /// Another process runs the handler again from the start. What it says again is not said twice, and questions that
        /// were answered are answered as they were. For handlers that do the same each time.
        case replay
    }

    /// What happens to a run that comes while another one of its session has not ended.
    public enum SessionRuns: String, Sendable, Hashable, CaseIterable {
        /// Both run at the same time.
        case overlap
        /// The later one waits until it is its turn. A run that awaits an answer has not ended: give questions a timeout.
        case queue
        /// The later one is refused (``RunEngineError/sessionBusy(_:)``, 409 over HTTP).
        case refuse
    }

    /// What happens to a run that was at work when its process ended. Runs that awaited an answer, or had not begun, go on in
    /// either case.
    public var recovery: Recovery
    /// How long a run waits for an answer before it fails, where the question does not say so itself. Nil waits for ever.
    public var awaitTimeout: Duration?
    /// What happens to runs of one session at the same time. Nil leaves it to ``EngineConfiguration/sessionRuns``.
    ///
    /// Agents that take part in the same sessions should agree in this.
    public var sessionRuns: SessionRuns?

    /// - Parameters:
    ///   - recovery: Runs fail unless said otherwise.
    ///   - awaitTimeout: None unless said otherwise.
    ///   - sessionRuns: As the engine's configuration says, unless said otherwise.
    public init(recovery: Recovery = .fail, awaitTimeout: Duration? = nil, sessionRuns: SessionRuns? = nil) {
        self.recovery = recovery
        self.awaitTimeout = awaitTimeout
        self.sessionRuns = sessionRuns
    }
}
