// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// What others do to a run: answer it, cancel it, end it.
extension RunExecution {
    /// Gives the handler its answer.
    ///
    /// - Returns: The run as it goes on, or nil if this is not what it waits for.
    func deliver(_ answer: AwaitResume, eventCount: Int) -> Run? {
        let outcome = try? act { state -> Delivery? in
            guard case .awaiting(eventCount) = state.phase, state.composer.run.status == .awaiting else { return nil }
            state.append(try state.composer.resume())
            state.phase = .running
            onChange(self, .resumed)
            defer { state.awaitTimer = nil }
            if case .waiting(let continuation) = state.answer {
                state.answer = .empty
                return Delivery(run: state.composer.run, continuation: continuation, timer: state.awaitTimer)
            }
            state.answer = .delivered(answer)
            return Delivery(run: state.composer.run, continuation: nil, timer: state.awaitTimer)
        }
        guard let delivery = outcome ?? nil else { return nil }
        delivery.timer?.cancel()
        delivery.continuation?.resume(returning: answer)
        return delivery.run
    }

    private struct Delivery {
        let run: Run
        let continuation: CheckedContinuation<AwaitResume, any Error>?
        let timer: Task<Void, Never>?
    }

    /// Asks the handler to stop. A run whose handler has not begun ends at once.
    ///
    /// - Returns: The run as it is being cancelled, or nil if it is too late for that: it has ended or is about to.
    func cancel() -> Run? {
        let outcome = act { state -> (Run, Task<Void, Never>?)? in
            let hasBegun: Bool
            switch state.phase {
            case .ending, .ended, .abandoned: return nil
            case .running, .awaiting: hasBegun = true
            case .waiting: hasBegun = false
            }
            guard state.composer.requestCancel() else { return (state.composer.run, nil) }
            state.log.wantSnapshot()
            // Ends by itself after the grace period; `finish` cancels it if the handler was faster.
            state.graceTimer = Task { [configuration] in
                if hasBegun {
                    guard (try? await Task.sleep(for: configuration.cancellationGrace)) != nil else { return }
                    logger.warning("the handler goes on after the grace period; its run counts as cancelled")
                }
                await self.finish(.cancelled)
            }
            return (state.composer.run, state.cancellableHandler)
        }
        outcome?.1?.cancel()
        return outcome?.0
    }

    // MARK: - Ending

    /// Ends the run. The first caller wins: the handler's own end, the end of the grace period after a cancellation, or the
    /// process's shutdown.
    func finish(_ outcome: RunOutcome) async {
        if let ending = state.withLock({ $0.end(outcome, byHandler: false) }) { await end(ending) }
    }

    /// Writes the end of the run down, by whoever was the first to end it.
    func end(_ ending: Ending) async {
        // Tells a handler that was given up.
        ending.release()

        if await !mayEnd() { return }
        logFailure(ending)
        if !ending.leavesHistory { await rememberSession() }
        // Not by `act`: this task commits what is left.
        state.withLock { state in
            onChange(self, .ending)
            state.isHoldingBack = false
            // What is stored of the run turned out to be damaged meanwhile, and its end has been stored.
            guard !state.composer.run.status.isTerminal else { return }
            state.appendEnd(ending.outcome)
            if ending.leavesHistory {
                state.history = HistoryAppend(HistoryBlock(run: id, input: input, output: ending.output), to: sessionID)
            }
        }
        await drain()
        await endIsStored()
    }

    /// Wakes what waits for the run's end: callers here, and the next run of the session.
    func endIsStored() async {
        if takesTurns { await passTurn() }
        let graceTimer = state.withLock { state in
            if case .ending = state.phase { state.phase = .ended }
            onChange(self, .ended)
            defer { state.graceTimer = nil }
            return state.graceTimer
        }
        graceTimer?.cancel()
        progress.wakeAll()
    }

    /// Whether the run still is this process's to end: not for certain if the process was out of touch for a while. Then a
    /// commit tells. Storage fences the end of a run by itself, but not all storages do that for what the run leaves in its
    /// session.
    private func mayEnd() async -> Bool {
        if lease.isHeld { return true }
        state.withLock { state in
            state.isHoldingBack = false
            state.log.wantSnapshot()
        }
        await drain()
        return state.withLock { $0.isAlive }
    }

    /// How the run gets along with others of its session.
    var sessionRuns: AgentPolicy.SessionRuns { policy.sessionRuns ?? configuration.sessionRuns }

    /// Whether the run follows others of its session.
    var takesTurns: Bool { sessionRuns != .overlap }

    /// Lets the next run of the session begin: after this one has ended, so that the next one finds what it has said.
    private func passTurn() async {
        guard state.withLock({ $0.isAlive }) else { return }
        do {
            try await persistently { [storage, id, sessionID] in
                guard let next = try await storage.coordination.dequeue(id, from: sessionID) else { return }
                try await storage.coordination.send(.proceed, to: next)
            }
        } catch {
            // It is looked at from time to time whose turn it is.
            logLimiter.log(
                .warning, "the next run of the session was not told", metadata: ["reason": "\(error)"], to: logger)
        }
    }

    /// A run that was not completed leaves nothing in the session's history. That there is such a session is noted all the
    /// same, for the caller who comes back to it; the end of the run does not wait for a storage that fails.
    func rememberSession() async {
        var record = SessionRecord(id: sessionID)
        record.addOriginKey()
        do {
            try await storage.save(record, expecting: 0)
        } catch let error as StorageError where error.code == .conflict {
            // It is there already.
        } catch {
            logLimiter.log(
                .warning, "the session of a run could not be stored", metadata: ["reason": "\(error)"], to: logger)
        }
    }

    /// Gives the run up: another process owns it, or it cannot be written any more.
    ///
    /// - Parameter onlyWhileIdle: Whether a run whose handler works (again) is left alone.
    func abandon(_ error: StorageError, onlyWhileIdle: Bool = false) {
        let abandoned = state.withLock { state -> Abandoned? in
            if case .abandoned = state.phase { return nil }
            if onlyWhileIdle, !state.isIdle { return nil }
            state.phase = .abandoned(error)
            state.replay = nil
            onChange(self, .abandoned(error))
            return Abandoned(
                handler: state.cancellableHandler, timers: [state.graceTimer, state.awaitTimer],
                waiter: state.takeWaiter())
        }
        guard let abandoned else { return }
        if error.code != .closed { logger.error("the run is given up here", metadata: ["reason": "\(error)"]) }
        abandoned.handler?.cancel()
        for timer in abandoned.timers { timer?.cancel() }
        abandoned.waiter?.resume(throwing: CancellationError())
        progress.wakeAll()
    }

    /// What is there to be done when a run ends.
    struct Ending {
        let outcome: RunOutcome
        let output: [Message]
        let isCancelled: Bool
        let handler: Task<Void, Never>?
        let awaitTimer: Task<Void, Never>?
        let waiter: CheckedContinuation<AwaitResume, any Error>?
        /// Whether the handler has ended the run, and not somebody else.
        let isByHandler: Bool
        /// Whether ``outcome`` is what the handler has returned or thrown.
        let hasHandlersOutcome: Bool
        /// What the handler has thrown.
        var error: (any Error)?

        /// Stops what works for the run, or waits for an answer, still.
        func release() {
            handler?.cancel()
            awaitTimer?.cancel()
            waiter?.resume(throwing: CancellationError())
        }

        /// Only what a completed run has said belongs to the session.
        var leavesHistory: Bool {
            if case .completed = outcome { !isCancelled } else { false }
        }
    }

    private struct Abandoned {
        let handler: Task<Void, Never>?
        let timers: [Task<Void, Never>?]
        let waiter: CheckedContinuation<AwaitResume, any Error>?
    }
}

extension RunExecution.State {
    /// Composes the run's end.
    mutating func appendEnd(_ outcome: RunOutcome) {
        let now = Timestamp.now
        composerBeforeEnd = composer
        do throws(ACPError) {
            append(try composer.end(outcome, now: now))
        } catch {
            let failure = ACPError(.serverError, "the run's error cannot be reported: \(error.message)")
            if let change = try? composer.end(.failed(failure), now: now) { append(change) }
        }
    }

    /// The task of a handler that may be at work.
    fileprivate var cancellableHandler: Task<Void, Never>? { isCreating ? nil : handler }

    /// The handler has ended, or nobody waits for it any more.
    ///
    /// - Returns: Nil if the run's end is being written down already.
    mutating func end(_ outcome: RunOutcome, byHandler: Bool) -> RunExecution.Ending? {
        if byHandler {
            handlerHasEnded = true
            handler = nil
        }
        guard mayGoOn else { return nil }
        phase = .ending
        isHoldingBack = true
        var outcome = outcome
        if case .completed = outcome { replay?.end() }
        let isDivergent = replay?.failure != nil
        if let failure = replay?.failure { outcome = .failed(failure) }
        replay = nil
        // A handler may end without hearing the answer to what it has asked, if it left that to a task of its own.
        if case .completed = outcome, composer.run.status == .awaiting, let resumed = try? composer.resume() {
            append(resumed)
        }
        // What is encoded here was encoded before, part by part: this does not fail.
        if let completion = try? composer.completeMessage(now: .now) { log.append([completion]) }
        defer { awaitTimer = nil }
        return RunExecution.Ending(
            outcome: outcome, output: composer.run.output, isCancelled: composer.run.status == .cancelling,
            handler: cancellableHandler, awaitTimer: awaitTimer, waiter: takeWaiter(), isByHandler: byHandler,
            hasHandlersOutcome: byHandler && !isDivergent)
    }
}
