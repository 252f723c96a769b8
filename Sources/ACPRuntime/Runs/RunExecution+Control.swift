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
        let outcome = try? act { state -> (Run, CheckedContinuation<AwaitResume, any Error>?)? in
            guard case .awaiting(eventCount) = state.phase, state.composer.run.status == .awaiting else { return nil }
            state.append(try state.composer.resume())
            state.phase = .running
            onChange(self, .resumed)
            if case .waiting(let continuation) = state.answer {
                state.answer = .empty
                return (state.composer.run, continuation)
            }
            state.answer = .delivered(answer)
            return (state.composer.run, nil)
        }
        guard let (run, continuation) = outcome ?? nil else { return nil }
        continuation?.resume(returning: answer)
        return run
    }

    /// Asks the handler to stop.
    ///
    /// - Returns: The run as it is being cancelled, or nil if it is too late for that: it has ended or is about to.
    func cancel() -> Run? {
        let outcome = act { state -> (Run, Task<Void, any Error>?)? in
            switch state.phase {
            case .ending, .ended, .abandoned: return nil
            case .running, .awaiting: break
            }
            guard state.composer.requestCancel() else { return (state.composer.run, nil) }
            state.log.wantSnapshot()
            // Ends by itself after the grace period; `finish` cancels it if the handler was faster.
            state.graceTimer = Task { [configuration, logger] in
                guard (try? await Task.sleep(for: configuration.cancellationGrace)) != nil else { return }
                logger.warning("the handler goes on after the grace period; its run counts as cancelled")
                await self.finish(.cancelled)
            }
            return (state.composer.run, state.handler)
        }
        outcome?.1?.cancel()
        return outcome?.0
    }

    // MARK: - Ending

    /// Writes the end of the run down. The first caller wins: the handler's own end, the end of the grace period after a
    /// cancellation, or the process's shutdown.
    func finish(_ outcome: RunOutcome) async {
        let ending = act { state -> Ending? in
            guard state.mayGoOn else { return nil }
            state.phase = .ending
            // A handler may end without hearing the answer to what it has asked, if it left that to a task of its own.
            if case .completed = outcome, state.composer.run.status == .awaiting,
                let resumed = try? state.composer.resume()
            {
                state.append(resumed)
            }
            // What is encoded here was encoded before, part by part: this does not fail.
            if let completion = try? state.composer.completeMessage(now: .now) { state.log.append([completion]) }
            return Ending(
                output: state.composer.run.output, isCancelled: state.composer.run.status == .cancelling,
                handler: state.handler, waiter: state.takeWaiter())
        }
        guard let ending else { return }
        // Without effect on a handler that has ended; tells one that was given up.
        ending.handler?.cancel()
        ending.waiter?.resume(throwing: CancellationError())

        if case .completed = outcome, !ending.isCancelled {
            let block = HistoryBlock(run: id, input: input, output: ending.output)
            do {
                try await persistently { [storage, sessionID] in try await storage.append([block], to: sessionID) }
            } catch {
                return abandon(error)
            }
        } else {
            await rememberSession()
        }
        act { state in
            onChange(self, .ending)
            let now = Timestamp.now
            do throws(ACPError) {
                state.append(try state.composer.end(outcome, now: now))
            } catch {
                let failure = ACPError(.serverError, "the run's error cannot be reported: \(error.message)")
                if let change = try? state.composer.end(.failed(failure), now: now) { state.append(change) }
            }
        }
        await drain()
        let graceTimer = state.withLock { state in
            if case .ending = state.phase { state.phase = .ended }
            onChange(self, .ended)
            defer { state.graceTimer = nil }
            return state.graceTimer
        }
        graceTimer?.cancel()
        progress.wakeAll()
    }

    /// A run that was not completed leaves nothing in the session's history. That there is such a session is noted all the
    /// same, for the caller who comes back to it; the end of the run does not wait for a storage that fails.
    private func rememberSession() async {
        do {
            try await storage.save(SessionRecord(id: sessionID), expecting: 0)
        } catch let error as StorageError where error.code == .conflict {
            // It is there already.
        } catch {
            logger.warning("the session of a run could not be stored", metadata: ["reason": "\(error)"])
        }
    }

    /// Gives the run up: another process owns it, or it cannot be written any more.
    ///
    /// - Parameter onlyWhileAwaiting: Whether a run that does not await an answer (any more) is left alone.
    func abandon(_ error: StorageError, onlyWhileAwaiting: Bool = false) {
        let abandoned = state.withLock { state -> Abandoned? in
            if case .abandoned = state.phase { return nil }
            if onlyWhileAwaiting, !state.isAwaiting { return nil }
            state.phase = .abandoned(error)
            onChange(self, .ended)
            return Abandoned(handler: state.handler, graceTimer: state.graceTimer, waiter: state.takeWaiter())
        }
        guard let abandoned else { return }
        if error.code != .closed { logger.error("the run is given up here", metadata: ["reason": "\(error)"]) }
        abandoned.handler?.cancel()
        abandoned.graceTimer?.cancel()
        abandoned.waiter?.resume(throwing: CancellationError())
        progress.wakeAll()
    }

    private struct Ending {
        let output: [Message]
        let isCancelled: Bool
        let handler: Task<Void, any Error>?
        let waiter: CheckedContinuation<AwaitResume, any Error>?
    }

    private struct Abandoned {
        let handler: Task<Void, any Error>?
        let graceTimer: Task<Void, Never>?
        let waiter: CheckedContinuation<AwaitResume, any Error>?
    }
}
