// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import ServiceLifecycle
import Synchronization

/// What the engine does all the time: it hears signals, says that it is alive, and looks after runs that nobody executes.
extension RunEngine {
    /// Takes part in what the processes on this storage do together, until the service group shuts down gracefully; then lets
    /// runs finish within the grace period.
    ///
    /// It hears signals from others, sends heartbeats, and takes over the runs of processes that have ended. On storage that
    /// outlives the process, it begins with the runs that an earlier process has left behind.
    public func run() async throws {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.wakeRecovery = wake }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await listen() }
            group.addTask { [self] in await beat() }
            group.addTask { [self] in
                for await _ in wakes { await recover() }
            }
            try? await gracefulShutdown()
            await shutdown()
            group.cancelAll()
        }
    }

    /// Wakes the task that looks for lost runs.
    private func wakeRecovery() {
        state.withLock { $0.wakeRecovery }?.yield()
    }

    // MARK: - Heartbeat

    /// How often the engine looks after things.
    private var interval: Duration { storage.capabilities.isShared ? configuration.lease / 3 : .seconds(5) }

    private func beat() async {
        while !Task.isCancelled {
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

    /// Sends a heartbeat, which shows as well whether the storage takes writes.
    func renewLease() async throws {
        let process = configuration.process
        let hadRunOut: Bool
        do {
            hadRunOut = try await lease.renew {
                // Where nobody else could take the runs over, the heartbeat lasts for as long as anything does.
                try await storage.coordination.heartbeat(
                    of: process, timeToLive: lease.duration ?? .seconds(100 * 365 * 86_400))
            }
        } catch let error as StorageError {
            state.withLock { $0.writeFailure = error }
            throw error
        }
        state.withLock { ($0.writeFailure, $0.lastHeartbeat) = (nil, now()) }
        guard hadRunOut else { return }
        logger.warning(
            "the heartbeat had run out: others may have taken runs over", metadata: ["process": "\(process)"])
        state.withLock { $0.needsReview = true }
    }

    /// Checks that this process can create runs: it takes them, and the storage took its last write.
    ///
    /// What counts is the heartbeat, and any run that could not be created since; and that the storage can be reached now. Where no
    /// heartbeat is recent, for example because the engine does not run as a service, or the last one failed for a reason that may
    /// have passed, one is sent.
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

    /// The processes that take part, and what they own: those that are alive, this one first, and those that have ended and
    /// whose runs nobody has taken over yet.
    ///
    /// - Throws: ``RunEngineError``: `storage`.
    public func processes() async throws -> [ProcessStatus] {
        try await storing {
            let live = try await storage.coordination.liveProcesses()
            let lost = try await storage.coordination.lostProcesses()
            var statuses: [ProcessStatus] = []
            for id in live.union(lost) {
                let runs = try await storage.runs(ownedBy: id, limit: 10_000)
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

    private func listen() async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                let announcements = try await storage.coordination.announcements(to: configuration.process)
                backoff = Backoff()
                // What was announced before is found by looking.
                await hear(.gap)
                for await announcement in announcements { await hear(announcement) }
            } catch {
                logLimiter.log(
                    .warning, "the signals to this process cannot be heard", metadata: ["reason": "\(error)"],
                    to: logger)
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    func hear(_ announcement: SignalAnnouncement) async {
        switch announcement {
        case .signal(let run): await lookAtSignals(to: run)
        case .gap:
            let runs = state.withLock {
                Array($0.executions.keys) + Array($0.dormant.keys) + Array($0.arriving.keys)
            }
            for run in runs { await lookAtSignals(to: run) }
        case .departure: wakeRecovery()
        }
    }

    func lookAtSignals(to run: RunID) async {
        do {
            if let execution = execution(of: run) {
                try await obeySignals(to: execution)
            } else if !noteArrivingSignal(to: run) {
                try await revive(run)
            }
        } catch {
            logLimiter.log(
                .warning, "the signals to a run cannot be read",
                metadata: ["run_id": "\(run)", "reason": "\(error)"], to: logger)
            state.withLock { _ = $0.unheard.insert(run) }
        }
    }

    /// Looks again for signals that could not be read when they were announced.
    func lookForUnheardSignals() async {
        let runs = state.withLock { state in
            defer { state.unheard = [] }
            return state.unheard
        }
        for run in runs { await lookAtSignals(to: run) }
    }

    func obeySignals(to execution: RunExecution) async throws {
        for signal in try await storage.coordination.signals(to: execution.id) {
            switch signal {
            case .cancel: _ = execution.update { $0.cancel() }
            case .resume(let answer, let eventCount): _ = execution.update { $0.answer(answer, to: eventCount) }
            case .proceed: proceed(execution.id)
            }
        }
    }
}
