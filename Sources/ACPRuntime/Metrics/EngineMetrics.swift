// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPMetrics
import ACPStorage
import Metrics
import Synchronization

/// The metrics of an engine. Handles are created once, those of an agent with its first run.
final class EngineMetrics: Sendable {
    /// Whether anything is recorded. If `false`, all methods return at once.
    let isEnabled: Bool
    let active: Gauge
    let queued: Gauge
    let awaiting: Gauge
    private let factory: any MetricsFactory
    private let activeLimit: Gauge
    private let abandoned: Counter
    private let events: Counter
    private let commitDuration: Metrics.Timer
    private let commitEvents: Recorder
    private let commitSize: Recorder
    private let heartbeats: Counter
    private let failedHeartbeats: Counter
    private let leaseRemaining: Gauge
    private let leaseExpirations: Counter
    private let agents = Mutex<[AgentName?: AgentMetrics]>([:])

    /// The metrics of the runs of one agent.
    private struct AgentMetrics: Sendable {
        let created: Counter
        let completed: Counter
        let failed: Counter
        let cancelled: Counter
        let duration: Metrics.Timer

        init(_ name: String, _ factory: any MetricsFactory) {
            func ended(_ outcome: RunStatus) -> Counter {
                Counter(.runsEnded, [("agent", name), ("outcome", outcome.rawValue)], in: factory)
            }
            created = Counter(.runsCreated, [("agent", name)], in: factory)
            completed = ended(.completed)
            failed = ended(.failed)
            cancelled = ended(.cancelled)
            duration = Metrics.Timer(.runDuration, [("agent", name)], in: factory)
        }
    }

    /// Why a run was not created.
    enum Refusal: String {
        case tooManyRuns = "too_many_runs"
        case sessionBusy = "session_busy"
        case shuttingDown = "shutting_down"
        case storage
    }

    /// What was done with a run that was taken over.
    enum TakeOver: String {
        /// It waits for its turn or for capacity.
        case queued
        /// It awaits an answer.
        case awaiting
        /// Its handler runs again.
        case replayed
        case failed
        case cancelled
    }

    /// An operation on the storage, as errors of it are counted.
    enum Operation: String {
        case commit
        case session
        case turn
        case signals
        case heartbeat
        case recovery
        /// Everything that a request reads and writes apart from commits.
        case request
    }

    init(_ factory: any MetricsFactory, activeLimit limit: Int) {
        self.factory = factory
        isEnabled = factory.records
        active = Gauge(.runsActive, in: factory)
        queued = Gauge(.runsQueued, in: factory)
        awaiting = Gauge(.runsAwaiting, in: factory)
        activeLimit = Gauge(.runsActiveLimit, in: factory)
        abandoned = Counter(.runsAbandoned, in: factory)
        events = Counter(.events, in: factory)
        commitDuration = Metrics.Timer(.commitDuration, in: factory)
        commitEvents = Recorder(.commitEvents, in: factory)
        commitSize = Recorder(.commitSize, in: factory)
        heartbeats = Counter(.heartbeats, [("result", "stored")], in: factory)
        failedHeartbeats = Counter(.heartbeats, [("result", "failed")], in: factory)
        leaseRemaining = Gauge(.leaseRemaining, in: factory)
        leaseExpirations = Counter(.leaseExpirations, in: factory)
        activeLimit.record(limit)
    }

    // MARK: Runs

    func runWasCreated(_ agent: AgentName) {
        guard isEnabled else { return }
        metrics(of: agent).created.increment()
    }

    func runWasRefused(_ reason: Refusal) {
        guard isEnabled else { return }
        // Created on demand, like those of errors: they are rare, and the factory returns the same value each time.
        Counter(.runsRefused, [("reason", reason.rawValue)], in: factory).increment()
    }

    /// - Parameter agent: The agent. `nil` if it is not served by this process.
    func runDidEnd(_ run: Run, agent: AgentName?) {
        guard isEnabled else { return }
        let metrics = metrics(of: agent)
        switch run.status {
        case .completed: metrics.completed.increment()
        case .failed: metrics.failed.increment()
        case .cancelled: metrics.cancelled.increment()
        case .created, .inProgress, .awaiting, .cancelling: return
        }
        if let finishedAt = run.finishedAt { metrics.duration.record(max(.zero, finishedAt - run.createdAt)) }
    }

    func runWasAbandoned() { abandoned.increment() }

    func runWasTakenOver(_ action: TakeOver) {
        guard isEnabled else { return }
        Counter(.runsTakenOver, [("action", action.rawValue)], in: factory).increment()
    }

    /// The names of agents that are not served here come from the storage. They share one label, so that the number of
    /// labels is that of the agents.
    private func metrics(of agent: AgentName?) -> AgentMetrics {
        agents.withLock { agents in
            if let metrics = agents[agent] { return metrics }
            let metrics = AgentMetrics(agent?.rawValue ?? "(not served)", factory)
            agents[agent] = metrics
            return metrics
        }
    }

    // MARK: Storage

    /// Performs a commit, and records its duration and its size.
    func measuring(_ commit: RunCommit, _ perform: (RunCommit) async throws -> Void) async throws {
        guard isEnabled else { return try await perform(commit) }
        let start = ContinuousClock.now
        try await perform(commit)
        commitDuration.record(.now - start)
        commitEvents.record(commit.events.count)
        commitSize.record(commit.size)
        events.increment(by: commit.events.count)
    }

    /// Counts an error of the storage. That a cancellation was faster than another end of a run is none.
    func storageDidFail(_ operation: Operation, _ error: StorageError) {
        guard isEnabled, error.code != .cancelled else { return }
        Counter(
            .storageErrors, [("operation", operation.rawValue), ("code", error.code.description)], in: factory
        ).increment()
    }

    // MARK: Lease

    func heartbeatWasStored() { heartbeats.increment() }
    func heartbeatDidFail() { failedHeartbeats.increment() }
    func leaseDidExpire() { leaseExpirations.increment() }

    func record(remaining: Duration) { leaseRemaining.record(remaining / .seconds(1)) }
}

extension Gauge {
    fileprivate convenience init(_ name: MetricName, in factory: any MetricsFactory) {
        self.init(label: name.rawValue, dimensions: [], factory: factory)
    }
}

extension RunCommit {
    /// The number of bytes of the documents.
    fileprivate var size: Int {
        var size = snapshot?.json.count ?? 0
        size += input?.json.count ?? 0
        for event in events { size += event.json.count }
        for content in contents { size += content.bytes.count }
        if let history { for entry in history.block.entries { size += entry.json.count } }
        return size
    }
}
