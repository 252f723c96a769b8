// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization
import Tracing

/// One run that this process executes. It is the only writer of the run.
///
/// A ``RunStateMachine`` makes all decisions, under a lock. Its actions are performed without the lock, in order: see
/// ``update(_:)``.
final class RunExecution: Sendable {
    let id: RunID
    let agentName: AgentName
    let owner: RunOwner
    let sessionID: SessionID
    let input: [Message]
    let forwardedLinks: ForwardedLinks
    let principal: Principal?
    let policy: AgentPolicy
    /// `nil` if there is neither a tracer nor a trace of the caller.
    let trace: RunTrace?
    let context: Context
    private let state: Mutex<State>

    /// What all executions of an engine share.
    struct Context: Sendable {
        let storage: any Storage
        let configuration: EngineConfiguration
        let lease: Lease
        let metrics: EngineMetrics
        let logger: Logger
        let logLimiter: LogLimiter
        /// Is called with the changes of all runs, those of each run in order.
        let runDidChange: @Sendable (RunExecution, RunStateMachine.Change) -> Void
    }

    private typealias Continuation = CheckedContinuation<Void, any Error>

    /// What lets another task continue.
    private enum Wake {
        case startWriter
        case cancelHandler
        case resume(Continuation)
    }

    private struct State {
        var machine: RunStateMachine
        var continuations: [RunStateMachine.Waiters.ID: Continuation] = [:]
        /// The actions that are performed, in order, before other tasks continue.
        var actions: [RunStateMachine.Action] = []
        /// The tasks that continue after that.
        var wakes: [Wake] = []
        /// Whether a thread is performing actions.
        var isPerforming = false
        var handler: Task<Void, Never>?
        var isHandlerCancelled = false
        var timers: [RunStateMachine.TimerKind: Task<Void, Never>] = [:]

        /// Whether a condition is met for tasks that are not woken. That a run is over is visible only when all actions
        /// are performed, so that a task that waits for that finds the run recorded.
        func isMet(_ condition: RunStateMachine.Condition) -> Bool {
            guard machine.isMet(condition) else { return false }
            if case .over = condition { return !isPerforming }
            return true
        }

        /// - Returns: Whether the caller has to perform the actions.
        mutating func takeActions() -> Bool {
            // Without new actions there are no earlier ones either, or a thread is performing them.
            guard machine.hasActions else { return false }
            for action in machine.takeActions() {
                switch action {
                case .startWriter: wakes.append(.startWriter)
                case .cancelHandler: wakes.append(.cancelHandler)
                case .resume(let waiter):
                    if let continuation = continuations.removeValue(forKey: waiter) {
                        wakes.append(.resume(continuation))
                    }
                case .startTimer, .stopTimer, .notify, .log: actions.append(action)
                }
            }
            guard !actions.isEmpty || !wakes.isEmpty, !isPerforming else { return false }
            isPerforming = true
            return true
        }
    }

    private init(
        _ machine: consuming RunStateMachine, agentName: AgentName, input: [Message], forwardedLinks: ForwardedLinks,
        principal: Principal?, policy: AgentPolicy, trace: RunTrace?, in context: Context
    ) {
        self.trace = trace
        id = machine.identity.run
        owner = machine.identity.owner
        sessionID = machine.identity.session
        self.input = input
        self.agentName = agentName
        self.forwardedLinks = forwardedLinks
        self.principal = principal
        self.policy = policy
        self.context = context
        state = Mutex(State(machine: machine))
    }

    /// Creates the execution of a new run.
    ///
    /// - Parameters:
    ///   - forwardedLinks: The URLs that came with the request.
    ///   - principal: Who has requested the run. Defaults to none.
    ///   - trace: The trace of the run. Defaults to none.
    /// - Throws: `StorageError` if the input cannot be encoded.
    convenience init(
        _ run: Run, sessionID: SessionID, input: [Message], forwardedLinks: ForwardedLinks,
        principal: Principal? = nil, policy: AgentPolicy, trace: RunTrace? = nil, in context: Context
    ) throws {
        let identity = RunStateMachine.Identity(
            run: run.id, owner: RunOwner(process: context.configuration.process), session: sessionID,
            input: try Encoded(input, as: "the input of run \(run.id)"),
            isTurnBased: policy.sessionRuns(in: context.configuration) != .overlap)
        self.init(
            RunStateMachine(creating: run, identity: identity), agentName: run.agentName, input: input,
            forwardedLinks: forwardedLinks, principal: principal, policy: policy, trace: trace, in: context)
    }

    /// Creates the execution of a run that another process has created.
    ///
    /// - Parameters:
    ///   - owner: The owner as which this process has claimed the run.
    ///   - replay: What the handler has to repeat, if it runs again.
    ///   - trace: The trace of the run in this process. Defaults to none.
    convenience init(
        recovering run: Run, eventCount: Int, input: [Message], policy: AgentPolicy, owner: RunOwner, replay: Replay?,
        trace: RunTrace? = nil, in context: Context
    ) {
        let identity = RunStateMachine.Identity(
            run: run.id, owner: owner, session: run.sessionID ?? SessionID(), input: nil,
            isTurnBased: policy.sessionRuns(in: context.configuration) != .overlap)
        self.init(
            RunStateMachine(recovering: run, eventCount: eventCount, replay: replay, identity: identity),
            agentName: run.agentName, input: input, forwardedLinks: ForwardedLinks(),
            principal: run.principal.map { Principal(id: $0, roles: []) }, policy: policy, trace: trace, in: context)
    }

    var storage: any Storage { context.storage }
    var configuration: EngineConfiguration { context.configuration }

    /// How concurrent runs of the session are handled.
    var sessionRuns: AgentPolicy.SessionRuns { policy.sessionRuns(in: configuration) }

    /// Whether the run belongs to another run, and callers do not see it.
    var isCompanion: Bool { id.isCompanion }

    /// Whether the run waits for its turn in its session.
    var isTurnBased: Bool { sessionRuns != .overlap }

    /// A logger with the run's ids. It is created on demand, since most runs do not log.
    var logger: Logger {
        var logger = context.logger
        logger[metadataKey: "run_id"] = .string(id.rawValue)
        logger[metadataKey: "agent"] = .string(agentName.rawValue)
        logger[metadataKey: "session_id"] = .string(sessionID.rawValue)
        if let trace = trace?.id { logger[metadataKey: "trace_id"] = .string(trace) }
        return logger
    }

    // MARK: - Inputs and actions

    /// Passes an input to the state machine, and performs the actions that follow, without the lock and in order. If
    /// another thread is performing actions of this run, that thread performs these as well.
    ///
    /// Other tasks are woken when all actions are performed and no thread is performing any more: what they do then
    /// does not delay the thread that woke them.
    ///
    /// Neither this nor ``read(_:)`` is inlined: copies of the machine's parts would be in the memory of the callers'
    /// tasks, some kilobytes for as long as they wait.
    @inline(never)
    @discardableResult
    func update<Result>(_ input: (inout RunStateMachine) throws -> Result) rethrows -> Result {
        let (result, mustPerform) = try state.withLock { state in
            let result = try input(&state.machine)
            return (result, state.takeActions())
        }
        if mustPerform { performActions() }
        return result
    }

    @inline(never)
    func read<Result>(_ body: (RunStateMachine) -> Result) -> Result { state.withLock { body($0.machine) } }

    private func performActions() {
        while true {
            let (actions, wakes) = state.withLock { state -> ([RunStateMachine.Action], [Wake]) in
                guard state.actions.isEmpty else {
                    defer { state.actions = [] }
                    return (state.actions, [])
                }
                defer { state.wakes = [] }
                state.isPerforming = false
                return ([], state.wakes)
            }
            for action in actions { perform(action) }
            guard actions.isEmpty else { continue }
            for wake in wakes { perform(wake) }
            return
        }
    }

    private func perform(_ action: RunStateMachine.Action) {
        switch action {
        case .startTimer(let timer, let delay): start(timer, delay)
        case .stopTimer(let kind): state.withLock { $0.timers.removeValue(forKey: kind) }?.cancel()
        case .notify(let change): context.runDidChange(self, change)
        case .log(let entry): log(entry)
        case .startWriter, .cancelHandler, .resume: break
        }
    }

    private func perform(_ wake: Wake) {
        switch wake {
        case .startWriter:
            // Unstructured because a run outlives the calls that change it. It ends when there is nothing left to
            // write. The engine's shutdown waits for that, or abandons the run, which ends it as well.
            Task { await write() }
        case .cancelHandler:
            state.withLock { state in
                state.isHandlerCancelled = true
                return state.handler
            }?.cancel()
        case .resume(let continuation): continuation.resume()
        }
    }

    private func start(_ timer: RunStateMachine.Timer, _ delay: RunStateMachine.Delay) {
        let duration =
            switch (delay, timer) {
            case (.until(let time), _): max(.zero, time - .now)
            case (.configured, .grace): configuration.cancellationGrace
            case (.configured, .storage): configuration.storageTimeout
            case (.configured, .answer): Duration.zero
            }
        // Unstructured because no task waits for it. It ends when the time is up; the state machine stops it earlier if
        // it is not needed any more.
        let task = Task {
            guard (try? await Task.sleep(for: duration)) != nil else { return }
            update { $0.timerDidFire(timer) }
        }
        state.withLock { state in
            let old = state.timers[timer.kind]
            state.timers[timer.kind] = task
            return old
        }?.cancel()
    }

    // MARK: - The handler's task

    /// Starts the task that creates the run, if it is new, and calls its handler.
    ///
    /// - Parameters:
    ///   - agent: The agent whose handler is called.
    ///   - isNew: Whether the run is created first. The caller has made its first commit with
    ///     ``RunStateMachine/create(shouldStart:)``.
    ///   - enqueue: Queues a new run that does not start at once.
    func start(_ agent: any Agent, isNew: Bool, enqueue: (@Sendable (RunExecution) async -> Void)? = nil) {
        // Unstructured because a run outlives the request that creates it. It is cancelled only while the handler
        // works, never before or after, so that everything it writes is stored. The engine keeps the execution until
        // the run's end is stored, and its shutdown waits for that.
        let task = Task {
            if isNew {
                await write()
                noteCreation()
            }
            if let enqueue, read(\.isQueued) { return await enqueue(self) }
            if update({ $0.handlerWillBegin() }) { await callHandler(of: agent) }
        }
        let isCancelled = state.withLock { state in
            state.handler = task
            return state.isHandlerCancelled
        }
        if isCancelled { task.cancel() }
    }

    private func noteCreation() {
        guard context.metrics.isEnabled, !isCompanion, isStored else { return }
        context.metrics.runWasCreated(agentName)
    }

    private func callHandler(of agent: any Agent) async {
        var outcome = RunOutcome.completed
        var thrown: (any Error)?
        do {
            try await call(agent)
        } catch {
            outcome = self.outcome(of: error)
            thrown = error
        }
        let isWriter = update { $0.handlerDidEnd(outcome, thrown: thrown, canWrite: !Task.isCancelled) }
        state.withLock { $0.handler = nil }
        if isWriter { await write() }
    }

    /// Calls the handler in the context of the run's trace.
    private func call(_ agent: any Agent) async throws {
        if let trace {
            try await trace.handling(agentName) { try await agent.run(makeContext()) }
        } else if ServiceContext.current != nil {
            // It is that of the task that has started this run, such as another run that made room for it.
            try await ServiceContext.withValue(nil) { try await agent.run(makeContext()) }
        } else {
            try await agent.run(makeContext())
        }
    }

    private func makeContext() -> RunContext {
        let links = LinkReader(
            session: sessionID, principal: principal?.id, loader: configuration.resourceLoader,
            forwardedLinks: forwardedLinks, budget: LinkBudget(configuration))
        let session = RunSession(id: sessionID, principal: principal?.id, storage: storage, links: links) {
            [self] in try await checkOwner()
        }
        return RunContext(input: input, session: session, execution: self)
    }

    // MARK: - Waiting

    /// Waits until a condition is met.
    ///
    /// - Parameter wake: Ends the wait before that.
    /// - Returns: Whether the wait was ended by `wake`.
    /// - Throws: `CancellationError` if the task is cancelled.
    @discardableResult
    func wait(for condition: RunStateMachine.Condition, wake: FollowerWake? = nil) async throws -> Bool {
        guard let id = makeWaiter(for: condition) else { return false }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: Continuation) in
                guard addWaiter(id, for: condition, continuation) else { return continuation.resume() }
                // A cancellation before this moment did not find the waiter.
                if Task.isCancelled { removeWaiter(id)?.resume(throwing: CancellationError()) }
                wake?.arm { [weak self] in self?.removeWaiter(id)?.resume() }
            }
        } onCancel: {
            removeWaiter(id)?.resume(throwing: CancellationError())
        }
        return wake?.disarm() ?? false
    }

    /// - Returns: The id of a new waiter, or `nil` if the condition is met.
    @inline(never)
    private func makeWaiter(for condition: RunStateMachine.Condition) -> RunStateMachine.Waiters.ID? {
        state.withLock { state in state.isMet(condition) ? nil : state.machine.waiters.makeID() }
    }

    /// - Returns: Whether the continuation is resumed later. Otherwise the condition is met.
    @inline(never)
    private func addWaiter(
        _ id: RunStateMachine.Waiters.ID, for condition: RunStateMachine.Condition, _ continuation: Continuation
    ) -> Bool {
        state.withLock { state in
            if state.isMet(condition) { return false }
            if state.machine.isMet(condition) {
                state.wakes.append(.resume(continuation))
            } else {
                state.machine.waiters.add(id, condition)
                state.continuations[id] = continuation
            }
            return true
        }
    }

    @inline(never)
    private func removeWaiter(_ id: RunStateMachine.Waiters.ID) -> Continuation? {
        state.withLock { state in
            state.machine.waiters.remove(id) ? state.continuations.removeValue(forKey: id) : nil
        }
    }
}

extension AgentPolicy {
    /// Returns how concurrent runs of one session are handled.
    func sessionRuns(in configuration: EngineConfiguration) -> SessionRuns { sessionRuns ?? configuration.sessionRuns }
}
