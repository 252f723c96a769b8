// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import ServiceLifecycle
import Synchronization

/// The background work of an engine: it receives signals, sends heartbeats, and recovers orphaned runs.
extension RunEngine {
    /// Runs the engine as a service until the service group shuts down gracefully, and then shuts it down: see
    /// ``shutdown()``.
    ///
    /// It receives signals from other processes, sends heartbeats, and takes over the runs of processes that have
    /// ended. On durable storage, it starts with the runs that an earlier process left unfinished.
    public func run() async throws {
        try configuration.validate()
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.wakeRecovery = wake }
        startLettingRunsLeave()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await listenForAnnouncements() }
            group.addTask { [self] in await sendHeartbeats() }
            group.addTask { [self] in await manageAwaitingRuns() }
            group.addTask { [self] in
                for await _ in wakes { await recover() }
            }
            try? await gracefulShutdown()
            await shutdown()
            group.cancelAll()
        }
    }

    /// Wakes the task that looks for orphaned runs.
    private func wakeRecovery() {
        state.withLock { $0.wakeRecovery }?.yield()
    }

    // MARK: - Heartbeat

    /// The interval between heartbeats, and between searches for orphaned runs.
    var interval: Duration { storage.capabilities.isShared ? configuration.lease / 3 : .seconds(5) }

    private func sendHeartbeats() async {
        while !Task.isCancelled {
            recordMetrics()
            do {
                try await renewLease()
            } catch {
                if !Task.isCancelled {
                    logLimiter.log(
                        .warning, "the heartbeat could not be stored", metadata: ["reason": "\(error)"], to: logger)
                }
            }
            wakeRecovery()
            logLimiter.reportEnded(to: logger)
            try? await Task.sleep(for: interval)
        }
    }

    /// Sends a heartbeat, which also shows whether the storage accepts writes.
    func renewLease() async throws {
        let process = configuration.process
        let hadExpired: Bool
        do {
            hadExpired = try await lease.renew {
                // Where no other process could take the runs over, the heartbeat never expires.
                try await storage.coordination.heartbeat(
                    of: process, timeToLive: lease.duration ?? .seconds(100 * 365 * 86_400))
            }
        } catch let error as StorageError {
            metrics.heartbeatDidFail()
            metrics.storageDidFail(.heartbeat, error)
            state.withLock { $0.writeFailure = error }
            throw error
        }
        metrics.heartbeatWasStored()
        state.withLock { ($0.writeFailure, $0.lastHeartbeat) = (nil, now()) }
        guard hadExpired else { return }
        metrics.leaseDidExpire()
        logger.warning(
            "the heartbeat had expired: other processes may have taken runs over", metadata: ["process": "\(process)"])
        state.withLock { $0.needsReview = true }
    }

    /// Checks that this process can create runs.
    ///
    /// It can if it is not shutting down, the storage accepted its last heartbeat and the last run that was created,
    /// and the storage can be reached now. If there is no recent heartbeat, for example because the engine does not run
    /// as a service, or if the last one failed for a reason that may have passed, one is sent.
    ///
    /// - Throws: ``RunEngineError``: `shuttingDown`, or `storage` with the reason.
    public func checkReadiness() async throws {
        let (failure, lastHeartbeat) = state.withLock { ($0.writeFailure, $0.lastHeartbeat) }
        guard acceptsRuns else { throw RunEngineError.shuttingDown }
        try await storing {
            if let failure, !failure.isTransient { throw failure }
            let isRecent = lastHeartbeat.map { now() - $0 < interval * 2 } ?? false
            if failure != nil || !isRecent { try await renewLease() }
            _ = try await storage.ping()
        }
    }

    // MARK: - Processes

    /// Returns the processes that use the storage, and the runs that they own: live processes, this one first, then
    /// those that have ended and whose runs no other process has taken over yet.
    ///
    /// - Throws: ``RunEngineError``: `storage`.
    public func processes() async throws -> [ProcessStatus] {
        try await storing {
            let live = try await storage.coordination.liveProcesses()
            let lost = withReleased(try await storage.coordination.lostProcesses())
            var statuses: [ProcessStatus] = []
            for id in live.union(lost) {
                let owned = try await storage.runs(ownedBy: id, limit: 10_000)
                // A process that has ended is not forgotten as soon as its runs are taken over.
                guard live.contains(id) || !owned.isEmpty else { continue }
                let runs = owned.filter { !$0.isCompanion }
                statuses.append(ProcessStatus(id: id, isAlive: live.contains(id), runs: runs))
            }
            let this = configuration.process
            return statuses.sorted {
                ($0.id != this ? 1 : 0, $0.isAlive ? 0 : 1, $0.id.rawValue)
                    < ($1.id != this ? 1 : 0, $1.isAlive ? 0 : 1, $1.id.rawValue)
            }
        }
    }

    // MARK: - Signals

    /// The number of announcements that are processed at the same time. What they announce is in storage, so their order
    /// does not matter.
    private static let announcementWidth = 16

    private func listenForAnnouncements() async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                let announcements = try await storage.coordination.announcements(to: configuration.process)
                backoff = Backoff()
                // Announcements that were made earlier are found by reading the signals.
                await handle(.gap)
                await withTaskGroup(of: Void.self) { group in
                    var count = 0
                    for await announcement in announcements {
                        count += 1
                        if count > Self.announcementWidth { await group.next() }
                        group.addTask { await self.handle(announcement) }
                    }
                }
            } catch {
                logLimiter.log(
                    .warning, "signals to this process cannot be received", metadata: ["reason": "\(error)"],
                    to: logger)
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    func handle(_ announcement: SignalAnnouncement) async {
        switch announcement {
        case .signal(let run): await processSignals(to: run)
        case .gap:
            let runs = state.withLock { Array($0.executions.keys) + Array($0.claiming.keys) }
            for run in runs { await processSignals(to: run) }
            await reviewDormantRuns()
        case .departure: wakeRecovery()
        }
    }

    func processSignals(to run: RunID) async {
        do {
            if let execution = execution(of: run) {
                try await applySignals(to: execution)
            } else if !deferSignal(to: run) {
                try await resumeDormantRun(run)
            }
        } catch {
            noteUnreadSignals(to: run, error)
        }
    }

    func noteUnreadSignals(to run: RunID, _ error: any Error) {
        logLimiter.log(
            .warning, "the signals of a run cannot be read",
            metadata: ["run_id": "\(run)", "reason": "\(error)"], to: logger)
        state.withLock { _ = $0.unreadSignals.insert(run) }
    }

    /// Reads signals again that could not be read when they were announced.
    func retryUnreadSignals() async {
        let runs = state.withLock { state in
            defer { state.unreadSignals = [] }
            return state.unreadSignals
        }
        for run in runs { await processSignals(to: run) }
    }

    func applySignals(to execution: RunExecution) async throws {
        for signal in try await storage.coordination.signals(to: execution.id) {
            switch signal {
            case .cancel: _ = execution.update { $0.cancel() }
            case .resume(let answer, let eventCount):
                _ = execution.update { $0.answer(answer, to: eventCount, now: .now) }
            case .proceed: proceed(execution.id)
            }
        }
        try await redirectSignals(to: execution)
    }
}
