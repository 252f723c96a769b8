// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// The end of the process: runs that can finish do, and the others are handed over or fail.
extension RunEngine {
    /// Stops accepting runs, and lets active runs finish within the grace period.
    ///
    /// On shared storage, runs that await an answer or are queued are handed over to other processes at once, and after
    /// the grace period those whose agents can be replayed as well. If there is no other process, they continue when
    /// one starts. On durable storage that is not shared, they continue when the storage is opened again. All other
    /// runs fail with an error that names the reason.
    public func shutdown() async {
        state.withLock { $0.isShuttingDown = true }
        _ = await withDeadline(configuration.shutdownGrace) { [self] in
            await handOverIdleRuns()
            await handOverCompanions()
            // The dormant ones after the idle ones, because a run may have left memory meanwhile.
            let (all, dormant) = state.withLock { state in
                (Array(state.executions.values), Array(state.dormant.removeAll()))
            }
            // Companions on durable storage continue later. Otherwise they have the grace period as well.
            let executions = all.filter { !($0.isCompanion && storage.capabilities.isDurable) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [self] in await handOver(dormant) }
                for execution in executions {
                    group.addTask { [self] in
                        while !Task.isCancelled, (try? await execution.wait(for: .handlerInactive)) != nil,
                            execution.isIdle
                        {
                            if await handOver(execution) { await announceReleased() }
                        }
                    }
                }
            }
        }
        // A task of its own, with a deadline of its own: the ends of runs are stored even if the caller is cancelled.
        await Task { await endRemainingRuns() }.value
    }

    /// Hands over the runs whose handlers do not work at this moment.
    private func handOverIdleRuns() async {
        let idle = state.withLock { Array($0.executions.values) }.filter(\.isIdle)
        guard !idle.isEmpty else { return }
        await withTaskGroup(of: Void.self) { group in
            for execution in idle { group.addTask { [self] in _ = await handOver(execution) } }
        }
        await announceReleased()
    }

    /// Hands over dormant runs. There may be so many that the grace period is not long enough: the others are taken over
    /// when this process leaves.
    private func handOver(_ dormant: [(key: RunID, value: DormantRun)]) async {
        // On storage that is not shared they are found when it is opened again.
        guard isShared else { return }
        for start in stride(from: 0, to: dormant.count, by: Self.releaseBatchSize) {
            let batch = dormant[start..<min(start + Self.releaseBatchSize, dormant.count)]
            _ = await inParallel(Array(batch), width: Self.releaseWidth) { [self] id, run in
                if !Task.isCancelled { await release(id, from: run.owner) }
            }
            await announceReleased()
        }
    }

    /// Hands over the companions. Those on storage that is not shared remain as long as there are other runs: no other
    /// process would continue them in the meantime.
    private func handOverCompanions() async {
        guard isShared, storage.capabilities.isDurable else { return }
        let companions = state.withLock { $0.executions.values.filter(\.isCompanion) }
        guard !companions.isEmpty else { return }
        await withTaskGroup(of: Void.self) { group in
            for companion in companions {
                group.addTask { [self] in
                    guard (try? await companion.wait(for: .logStored)) != nil, !companion.isOver else { return }
                    await release(companion.id, from: companion.owner)
                    companion.update { $0.abandon(.handedOver) }
                }
            }
        }
        await announceReleased()
    }

    /// The number of dormant runs that are handed over at the same time, and before other processes are notified.
    private static let releaseWidth = 64
    private static let releaseBatchSize = 1_000

    private var isShared: Bool { storage.capabilities.isShared }

    /// Gives a run up in such a way that other processes can continue it at once.
    private func release(_ id: RunID, from owner: RunOwner) async {
        do {
            _ = try await storage.claim(id, for: RunOwner(process: .released), from: owner)
        } catch {
            logLimiter.log(
                .warning,
                "a run could not be handed over: it is taken over when the heartbeat of this process has expired",
                metadata: ["run_id": "\(id)", "reason": "\(error)"], to: logger)
        }
    }

    private func announceReleased() async {
        guard isShared else { return }
        try? await storage.coordination.leave(.released)
    }

    /// Hands over an idle run.
    ///
    /// - Returns: Whether other processes have to be notified.
    private func handOver(_ execution: RunExecution) async -> Bool {
        guard storage.capabilities.isDurable else {
            await fail(
                execution,
                execution.isQueued
                    ? "the server shut down before the run began"
                    : "the server shut down while the run awaited an answer")
            return false
        }
        guard (try? await execution.wait(for: .idleStateStored)) != nil, execution.isIdle else { return false }
        // Abandoned before it is released: an answer that arrives in between would let it continue here, and the next owner
        // would find it working. An answer that arrives from now on is a signal for the next owner.
        guard execution.update({ $0.abandon(.handedOver, onlyWhileIdle: true) }), isShared else { return false }
        await release(execution.id, from: execution.owner)
        return true
    }

    // MARK: - After the grace period

    private func endRemainingRuns() async {
        _ = await withDeadline(configuration.storageTimeout) { [self] in
            let rest = state.withLock { Array($0.executions.values) }
            let active = rest.count { !$0.isCompanion }
            if active > 0 {
                logger.warning("runs are still active after the grace period", metadata: ["runs": "\(active)"])
            }
            await withTaskGroup(of: Void.self) { group in
                for execution in rest {
                    group.addTask { [self] in
                        // It may have asked its question only now, or the grace period was over before it was handed over.
                        if execution.isIdle, await handOver(execution) {
                            await announceReleased()
                        } else if execution.isOver {
                            try? await execution.waitUntilOver(ignoringTimeout: true)
                        } else if execution.policy.recovery == .replay, storage.capabilities.isDurable {
                            if isShared { await release(execution.id, from: execution.owner) }
                            execution.update { $0.abandon(.handedOver) }
                        } else {
                            await fail(execution, "the server shut down before the run had ended")
                        }
                    }
                }
            }
            if rest.contains(where: { $0.policy.recovery == .replay }) { await announceReleased() }
            if lease.wasRenewed { try? await storage.coordination.leave(configuration.process) }
        }
        let reason = StorageError(.closed, "the server shut down before the end of the run could be stored")
        for execution in state.withLock({ Array($0.executions.values) }) {
            execution.update { $0.abandon(reason) }
            _ = state.withLock { $0.remove(execution) }
            try? await execution.waitUntilOver(ignoringTimeout: true)
        }
    }

    /// Fails a run, and waits until that is stored or the task is cancelled.
    private func fail(_ execution: RunExecution, _ reason: String) async {
        execution.update { $0.end(.failed(ACPError(.serverError, reason))) }
        try? await execution.waitUntilOver(ignoringTimeout: true)
    }
}

extension StorageError {
    fileprivate static var handedOver: StorageError {
        StorageError(.closed, "the server shut down; the run continues in another process")
    }
}
