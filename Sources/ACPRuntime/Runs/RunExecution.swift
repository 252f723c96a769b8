// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// One run as it is executed in this process: its handler, its state, and its log, of which it is the only writer.
///
/// All state is guarded by one lock per run. ``RunComposer`` says what an action means in events, ``RunLog`` what has to be
/// committed; this type performs the commits, waits, and calls the handler.
final class RunExecution: Sendable {
    let id: RunID
    let agentName: AgentName
    let owner: RunOwner
    let sessionID: SessionID
    let input: [Message]
    let brought: BroughtLinks
    let policy: AgentPolicy
    let storage: any Storage
    let configuration: EngineConfiguration
    let lease: Lease
    let logLimiter: LogLimiter
    private let engineLogger: Logger
    /// Called with the run's lock held, so that the engine hears of changes in their order, and before anybody who reads the
    /// run's events does. It must not call back.
    let onChange: @Sendable (RunExecution, Change) -> Void

    let state: Mutex<State>
    let progress = ProgressWaiters()

    /// What the engine has to know of a run.
    enum Change {
        /// The storage did not take the run when it was to be created.
        case refused(StorageError)
        case awaiting
        case resumed
        /// The handler is done with; only the end has to be written down.
        case ending
        case ended
        /// The run is not written here any more.
        case abandoned(StorageError)
    }

    enum Phase {
        /// The run was created; its handler has not begun.
        case waiting
        /// The handler runs.
        case running
        /// The handler waits for an answer. The number tells its awaits apart: how many events there were.
        case awaiting(eventCount: Int)
        /// The handler has ended, or has been given up; the end is being written down.
        case ending
        case ended
        /// This process may not, or cannot, write the run any more.
        case abandoned(StorageError)
    }

    /// A moment at which a caller has an answer: the run had ended, or asked something.
    struct Settlement {
        let run: Run
        let json: [UInt8]
        let eventCount: Int
    }

    enum AnswerSlot {
        case empty
        case waiting(CheckedContinuation<AwaitResume, any Error>)
        case delivered(AwaitResume)
        case cancelled
    }

    struct State {
        var composer: RunComposer
        var log = RunLog()
        var phase: Phase
        /// What the handler has to repeat before it says something new.
        var replay: Replay?
        var isCommitting = false
        /// Whether commits wait for the run's last event, to take it along.
        var isHoldingBack = false
        /// What goes into the session's history with the run's last event.
        var history: HistoryAppend?
        /// Whether the handler's task creates the run still.
        var isCreating = false
        /// Why the run could not be created.
        var creationFailure: (any Error)?
        /// The task of the handler. Nil as well when the handler has ended: then the task writes the run's end down.
        var handler: Task<Void, Never>?
        var handlerHasEnded = false
        /// Ends a run whose handler goes on too long after a cancellation.
        var graceTimer: Task<Void, Never>?
        /// Ends a run that awaits an answer for too long.
        var awaitTimer: Task<Void, Never>?
        var answer = AnswerSlot.empty
        var settlement: Settlement?
        var nextSettlement: Settlement?
        /// Why the last attempt to commit has failed.
        var failure: StorageError?
        /// Why commits have failed for longer than callers are willing to wait.
        var stall: StorageError?
        /// The run as it stood before its end was composed, in case the end has to be another one.
        var composerBeforeEnd: RunComposer?
        /// The run's end, where it is not the next event of everybody's who has read the run so far: what was stored of the run
        /// before is gone in part.
        var detachedEnd: EncodedEvent?
        /// The run's creation, as long as it may have been stored without this process having heard so.
        var creationInDoubt: RunCommit?

        /// Whether a task has to be started that commits.
        mutating func claimCommitting() -> Bool {
            guard !isCommitting, !isHoldingBack, !log.isIdle else { return false }
            isCommitting = true
            return true
        }

        /// Takes out whoever waits for the run's answer, to tell them that none will come.
        mutating func takeWaiter() -> CheckedContinuation<AwaitResume, any Error>? {
            defer { answer = .cancelled }
            if case .waiting(let continuation) = answer { return continuation }
            return nil
        }

        mutating func append(_ change: StatusChange) {
            log.append(change)
            if composer.run.status.isSettled {
                nextSettlement = Settlement(
                    run: composer.run, json: change.runJSON, eventCount: log.eventCount)
            }
        }
    }

    /// What all executions of an engine share.
    struct Surroundings: Sendable {
        let storage: any Storage
        let configuration: EngineConfiguration
        let lease: Lease
        let logger: Logger
        let logLimiter: LogLimiter
        let onChange: @Sendable (RunExecution, Change) -> Void
    }

    private init(
        _ run: Run, sessionID: SessionID, input: [Message], brought: BroughtLinks = BroughtLinks(), policy: AgentPolicy,
        owner: RunOwner, state: State, in surroundings: Surroundings
    ) {
        id = run.id
        agentName = run.agentName
        self.owner = owner
        self.sessionID = sessionID
        self.input = input
        self.brought = brought
        self.policy = policy
        storage = surroundings.storage
        configuration = surroundings.configuration
        lease = surroundings.lease
        onChange = surroundings.onChange
        engineLogger = surroundings.logger
        logLimiter = surroundings.logLimiter
        self.state = Mutex(state)
    }

    /// Logs with the run's ids. Made when it is asked for: most runs have nothing to log.
    var logger: Logger {
        var logger = engineLogger
        logger[metadataKey: "run_id"] = .string(id.rawValue)
        logger[metadataKey: "agent"] = .string(agentName.rawValue)
        logger[metadataKey: "session_id"] = .string(sessionID.rawValue)
        return logger
    }

    /// A new run.
    ///
    /// - Parameter brought: The URLs that its caller has brought along.
    convenience init(
        _ run: Run, sessionID: SessionID, input: [Message], brought: BroughtLinks = BroughtLinks(), policy: AgentPolicy,
        in surroundings: Surroundings
    ) {
        self.init(
            run, sessionID: sessionID, input: input, brought: brought, policy: policy,
            owner: RunOwner(process: surroundings.configuration.process),
            state: State(composer: RunComposer(run), phase: .waiting), in: surroundings)
    }

    /// A run that another process has begun, as storage has it.
    ///
    /// - Parameters:
    ///   - owner: As whom this process has claimed the run.
    ///   - replay: What its handler has to repeat, if it is to run again.
    convenience init(
        recovering run: Run, eventCount: Int, input: [Message], policy: AgentPolicy, owner: RunOwner, replay: Replay?,
        in surroundings: Surroundings
    ) {
        self.init(
            run, sessionID: run.sessionID ?? SessionID(), input: input, policy: policy, owner: owner,
            state: State(
                composer: RunComposer(run), log: RunLog(committed: eventCount),
                phase: run.status == .created ? .waiting : .running,
                replay: replay.flatMap { $0.isOver ? nil : $0 }),
            in: surroundings)
    }

    // MARK: - Beginning

    /// Writes the run down, which makes it exist for everybody else, before anything of it happens.
    ///
    /// - Parameter begins: Whether it begins at once. Else it waits for ``begin()``.
    func create(begins: Bool) async throws {
        try state.withLock { state in
            let created = try state.composer.created()
            state.append(created)
            if begins {
                state.append(try state.composer.begin())
                state.phase = .running
            }
            state.isCommitting = true
        }
        guard var commit = nextCommit() else { return }
        commit.input = input
        try await storeCreation(commit)
        batchDidCommit()
        // Somebody may have cancelled or ended the run meanwhile.
        act { state in
            state.isCommitting = false
            state.creationInDoubt = nil
        }
    }

    /// Gives the run up because it could not be created. If it may be there all the same it is failed, as soon as the storage
    /// answers: nobody executes it, and its caller was told to try again.
    func abandonCreation() {
        guard let commit = state.withLock({ $0.creationInDoubt }) else {
            return abandon(StorageError(.closed, "the run could not be created"))
        }
        state.withLock { _ in onChange(self, .ending) }
        // Unstructured because the caller does not wait for it. Ends when the storage has taken the run's end, or with the
        // engine's shutdown, which abandons the run if it has to.
        Task {
            do throws(StorageError) {
                // What is under way still may arrive later than this. It changes nothing then: the same is there already.
                try await persistently { [storage] in try await storage.commit(commit) }
            } catch {
                return await commitWasRefused(error)
            }
            batchDidCommit()
            act { $0.isCommitting = false }
            await finish(
                .failed(ACPError(.serverError, "the run was not executed: the storage did not answer in time")))
        }
    }

    /// Begins a run that has waited.
    ///
    /// - Returns: False if it is too late for that: it was cancelled, for example.
    func begin() -> Bool {
        act { state in
            guard case .waiting = state.phase, state.composer.run.status == .created,
                let begun = try? state.composer.begin()
            else { return false }
            state.append(begun)
            state.phase = .running
            return true
        }
    }

    /// A lost reply is no reason to refuse the caller: the same commit again finds out. All else is the caller's to know.
    private func storeCreation(_ commit: RunCommit) async throws {
        let deadline = ContinuousClock.now + configuration.storagePatience
        var backoff = Backoff()
        do {
            return try await storage.commit(commit)
        } catch let error as StorageError where error.code == .outcomeUnknown {
            state.withLock { $0.creationInDoubt = commit }
            while .now < deadline {
                try await Task.sleep(for: min(backoff.next(), deadline - .now))
                do {
                    let isStored: Void? = try await withDeadline(deadline - .now) { [storage] in
                        try await storage.commit(commit)
                    }
                    if isStored != nil { return }
                } catch let error as StorageError where error.code == .outcomeUnknown {
                    continue
                }
            }
            throw error
        }
    }

    /// Calls the handler.
    ///
    /// - Parameter creating: Whether the run is created before, and begins at once. If that fails, whoever waits for the run is
    ///   told.
    func start(_ agent: any Agent, creating: Bool = false) {
        let context = RunContext(
            input: input,
            session: RunSession(
                id: sessionID, storage: storage,
                links: LinkReader(
                    session: sessionID, loader: configuration.resourceLoader, brought: brought,
                    allowance: LinkAllowance(configuration))
            ) { [self] in try await checkOwner() },
            execution: self
        )
        if creating { state.withLock { $0.isCreating = true } }
        // Unstructured because a run outlives the request that creates it. One task does all that is the run's own: it creates
        // the run, calls the handler, and writes the end down. `cancel`, `finish` and `abandon` cancel it while the handler is
        // at work, and never before or afterwards. The engine keeps the execution until the end is written, and its shutdown
        // waits for that.
        let task = Task {
            if creating, await !createFirst() { return }
            do {
                try await agent.run(context)
                await handlerDidEnd(.completed)
            } catch {
                await handlerDidEnd(outcome(of: error), throwing: error)
            }
        }
        state.withLock { state in
            if state.handlerHasEnded { return }
            state.handler = task
            if !state.isCreating, state.composer.run.status == .cancelling || !state.mayGoOn { task.cancel() }
        }
    }

    /// Creates the run, in the handler's task.
    ///
    /// - Returns: Whether the handler is to be called.
    private func createFirst() async -> Bool {
        do {
            try await create(begins: true)
        } catch {
            state.withLock { state in
                state.creationFailure = error
                if let error = error as? StorageError { onChange(self, .refused(error)) }
            }
            abandonCreation()
            progress.wakeAll()
            return false
        }
        let (mayGoOn, isCancelled) = state.withLock { state in
            state.isCreating = false
            return (state.mayGoOn, state.composer.run.status == .cancelling)
        }
        // Somebody was faster, and could not cancel what was still being created.
        if isCancelled { withUnsafeCurrentTask { $0?.cancel() } }
        return mayGoOn
    }

    /// Ends the run, in the handler's task. That the run is ending is noted at once, so that what was said last goes out together
    /// with the end.
    private func handlerDidEnd(_ outcome: RunOutcome, throwing error: (any Error)? = nil) async {
        guard let ending = state.withLock({ $0.end(outcome, byHandler: true) })?.throwing(error) else { return }
        if ending.isCancelled || Task.isCancelled {
            // What is cancelled, or about to be, cannot write to storage. This task ends when the end is written down, or the
            // run is given up.
            Task { await end(ending) }
        } else {
            await end(ending)
        }
    }

    /// Throws if the run belongs to another process by now.
    private func checkOwner() async throws {
        guard !lease.isHeld else { return }
        guard try await storage.record(of: id)?.owner == owner else { throw CancellationError() }
    }
}

extension RunExecution.State {
    /// Adds what the handler says, unless it only repeats what it said before.
    mutating func say(_ compose: (inout RunComposer) throws -> [EncodedEvent]) throws {
        guard replay != nil else { return log.append(try compose(&composer)) }
        try replay?.say(compose)
        endReplayIfOver()
    }

    mutating func endReplayIfOver() {
        if replay?.isOver == true { replay = nil }
    }

    var isAlive: Bool {
        if case .abandoned = phase { false } else { true }
    }

    /// Whether the handler may still say something.
    var mayGoOn: Bool {
        switch phase {
        case .waiting, .running, .awaiting: true
        case .ending, .ended, .abandoned: false
        }
    }

    func checkRunning() throws {
        switch phase {
        case .running: return
        case .waiting: throw CancellationError()
        case .awaiting:
            throw ACPError(.serverError, "an agent cannot say or ask anything while it waits for an answer")
        case .ending, .ended, .abandoned: throw CancellationError()
        }
    }
}
