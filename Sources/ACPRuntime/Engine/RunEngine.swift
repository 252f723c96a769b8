// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import ACPTracing
import DequeModule
public import Logging
import Metrics
public import ServiceLifecycle
import Synchronization
import Tracing

/// Executes agents: creates runs, stores their events, and lets callers follow, answer and cancel them.
///
/// The engine is independent of the wire protocol. A server translates requests into calls of this type; a program can
/// also use it directly:
///
/// ```swift
/// let engine = RunEngine(storage: MemoryStorage())
/// try engine.agents.addAgent("greeter") { context in "Hello, \(context.input.first?.text ?? "World")!" }
/// let run = try await engine.execute(RunRequest(agent: "greeter", input: ["Ada"]))
/// print(run.text)
/// await engine.shutdown()
/// ```
///
/// It is a `Service`: run it to receive signals from other processes and to shut down gracefully.
public final class RunEngine: Service {
    /// The agents that runs can be created for.
    public let agents: AgentRegistry
    /// The storage of runs, events and sessions. Parts that are read from it have their contents, also large ones.
    public var storage: any Storage { contents }
    let contents: ContentStorage
    let pages: EventPages
    /// The configuration that the engine was created with.
    public let configuration: EngineConfiguration
    let logger: Logger
    let lease: Lease
    let metrics: EngineMetrics
    let tracing: RunTracing
    /// Limits repeated log lines. The server uses it as well.
    package let logLimiter: LogLimiter
    let now: @Sendable () -> ContinuousClock.Instant
    let state: Mutex<State>

    struct State {
        var executions: [RunID: RunExecution] = [:]
        var limiter: RunLimiter
        /// Runs that await an answer and whose handlers run in no process: they have left memory, or the process that
        /// called their handlers has ended. This process continues them when the answer arrives.
        var dormant = DormantRuns()
        /// When runs leave memory that await an answer, in order.
        var departures: Deque<Departure> = []
        /// Whether runs leave memory: the engine runs as a service, and so receives their answers.
        var canLeaveMemory = false
        /// Runs that this process is claiming or about to continue, and whether a signal to them was announced
        /// meanwhile. They are neither executed nor dormant yet.
        var claiming: [RunID: Bool] = [:]
        /// Runs whose signals could not be read when they were announced.
        var unreadSignals: Set<RunID> = []
        /// Runs that were abandoned here since another process seemed to own them, or since they seemed to be deleted.
        /// They are checked once more: no other process ends a run that still belongs to this one.
        var orphans: Set<RunID> = []
        /// Runs that wait for another run of their session.
        var waitingForTurn: Set<RunID> = []
        /// Runs that are executed here and await an answer, for the metrics.
        var awaiting: Set<RunID> = []
        /// The agents of companions.
        var companionAgents: [AgentName: any CompanionAgent] = [:]
        var isShuttingDown = false
        /// Whether the runs that are stored as owned by this process may differ from those that it executes.
        var needsReview = false
        /// Wakes the task that looks for orphaned runs.
        var wakeRecovery: AsyncStream<Void>.Continuation?
        /// Why the storage refused the last heartbeat, or a new run since then.
        var writeFailure: StorageError?
        var lastHeartbeat: ContinuousClock.Instant?
        /// Orphaned runs whose agents are not served here, and when they were first seen.
        var unservedRuns: [RunID: ContinuousClock.Instant] = [:]
        var lostProcesses = LostProcesses()

        /// Removes an execution that is over.
        ///
        /// - Returns: The runs that are active now in its place.
        mutating func remove(_ execution: RunExecution) -> [RunID] {
            let id = execution.id
            // A later execution of the run may have taken its place.
            if let index = executions.index(forKey: id) {
                guard executions.values[index] === execution else { return [] }
                executions.remove(at: index)
            }
            if !waitingForTurn.isEmpty { waitingForTurn.remove(id) }
            return deactivate(id)
        }

        /// Whether this process has a run as dormant, or is claiming it or about to continue it.
        func isDormantOrClaimed(_ id: RunID) -> Bool {
            dormant.contains(id) || !claiming.isEmpty && claiming[id] != nil
        }

        /// Removes a run from the active and the awaiting ones.
        ///
        /// - Returns: The runs that are active now in its place.
        mutating func deactivate(_ id: RunID) -> [RunID] {
            if !awaiting.isEmpty { awaiting.remove(id) }
            return limiter.remove(id)
        }

        /// Records why a run could not be created, if the reason concerns the storage and not only the run.
        mutating func note(_ failure: StorageError) {
            switch failure.code {
            case .refused, .full, .cannotConnect, .timedOut, .outcomeUnknown: writeFailure = failure
            default: break
            }
        }
    }

    /// Creates an engine.
    ///
    /// - Parameters:
    ///   - storage: The storage of runs, events and sessions.
    ///   - agents: The agents. More can be added at any time. Defaults to none.
    ///   - configuration: Limits, timeouts and policies. Defaults to ``EngineConfiguration`` without arguments.
    ///   - logger: Receives warnings and errors; lines about a run contain its ids. Defaults to a logger labelled
    ///     `acp.engine`.
    public convenience init(
        storage: any Storage,
        agents: AgentRegistry = AgentRegistry(),
        configuration: EngineConfiguration = EngineConfiguration(),
        logger: Logger = Logger(label: "acp.engine")
    ) {
        self.init(storage: storage, agents: agents, configuration: configuration, logger: logger, now: { .now })
    }

    /// Creates an engine with a clock, so that the expiry of a lease can be tested without waiting.
    init(
        storage: any Storage, agents: AgentRegistry = AgentRegistry(), configuration: EngineConfiguration,
        logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        self.agents = agents
        contents = ContentStorage(storage, limit: configuration.inlineContentLimit)
        pages = EventPages(contents)
        self.configuration = configuration
        self.logger = logger
        self.now = now
        logLimiter = LogLimiter(now: now)
        metrics = EngineMetrics(
            configuration.metricsFactory ?? MetricsSystem.factory, activeLimit: configuration.maximumActiveRuns)
        tracing = RunTracing(tracer: configuration.tracer ?? InstrumentationSystem.bootstrappedTracer)
        lease = Lease(storage.capabilities.isShared ? configuration.lease : nil, now: now)
        state = Mutex(
            State(
                limiter: RunLimiter(
                    activeLimit: configuration.maximumActiveRuns, queuedLimit: configuration.maximumQueuedRuns)))
    }

    // MARK: - Creating

    /// Creates a run, and waits until it has ended or asks a question.
    ///
    /// - Parameter request: The agent, its input and its session.
    /// - Returns: The run at that moment.
    /// - Throws: ``RunEngineError``, or `CancellationError` if the calling task is cancelled. The run continues in that
    ///   case.
    public func execute(_ request: RunRequest) async throws -> Run {
        try await createRun(request).settled().run
    }

    /// Creates a run, and waits until it is stored.
    ///
    /// - Parameter request: The agent, its input and its session.
    /// - Returns: The run as it was created; its handler may be running already. With ``RunRequest/idempotencyKey``:
    ///   the run that the first request with the key created, in its current state.
    /// - Throws: ``RunEngineError``, or `CancellationError` if the calling task is cancelled. The run continues in that
    ///   case.
    public func start(_ request: RunRequest) async throws -> Run {
        try await createRun(request).created()
    }

    /// Creates a run that may not be stored yet when this returns. Its handler is not called before it is stored.
    ///
    /// - Parameter bindsSession: Whether the session that the request names is bound to its principal. Defaults to
    ///   `false`.
    package func createRun(_ request: RunRequest, bindsSession: Bool = false) async throws -> RunHandle {
        guard let agent = agents[request.agent] else { throw RunEngineError.unknownAgent(request.agent) }
        try request.validate()
        let sessionID = request.session ?? SessionID()
        let id = request.runID
        let trace = tracing.begin(id, of: request.agent)
        let run = Run(
            id: id, agentName: request.agent, sessionID: sessionID, trace: trace?.stored,
            principal: request.principal?.id)
        let execution: RunExecution
        do {
            execution = try RunExecution(
                run, sessionID: sessionID, input: request.input,
                forwardedLinks: ForwardedLinks(request.forwardedHistory), principal: request.principal,
                policy: agent.policy, trace: trace, in: executionContext)
        } catch {
            trace?.end(abandonedAs: "invalid")
            throw RunEngineError.wrapping(error)
        }
        // Of two requests with the same key, the second finds the run of the first: in this process or, when it tries
        // to create it, in storage.
        let admission: Bool?
        do {
            admission = try admit(execution)
        } catch {
            noteRefusal(error)
            trace?.end(abandonedAs: "refused")
            throw error
        }
        guard let shouldStart = admission else {
            trace?.end(abandonedAs: "known")
            return try await firstRun(run.id, for: request)
        }
        do {
            if !lease.isHeld || !lease.wasRenewed { try await renewLease() }
            if bindsSession, request.session != nil, let principal = request.principal {
                try await claim(sessionID, for: principal)
            }
            try await storeForwardedLinks(request, in: sessionID)
            try execution.update { try $0.create(shouldStart: shouldStart) }
        } catch {
            execution.update { $0.refuseCreation(error) }
            throw RunEngineError.wrapping(error)
        }
        execution.start(agent, isNew: true) { [weak self] in await self?.enqueue($0) }
        let handle = RunHandle(engine: self, creating: run, execution: execution)
        guard request.idempotencyKey != nil else { return handle }
        do {
            _ = try await handle.created()
        } catch let error as RunEngineError
            where error.storageError?.code == .fenced || error.storageError?.code == .conflict
        {
            // A run with its id exists.
            return try await firstRun(run.id, for: request)
        }
        return handle
    }

    /// - Returns: Whether the run is active and starts at once; `nil` if a run with its id is executed here, or awaits an
    ///   answer here without a handler. While a second execution of it exists, signals would not reach it.
    private func admit(_ execution: RunExecution) throws(RunEngineError) -> Bool? {
        try state.withLock { state throws(RunEngineError) -> Bool? in
            guard !state.isShuttingDown else { throw RunEngineError.shuttingDown }
            guard state.executions[execution.id] == nil, !state.isDormantOrClaimed(execution.id) else { return nil }
            switch state.limiter.admit(execution.id, isReady: !execution.isTurnBased) {
            case .refused: throw RunEngineError.tooManyRuns(limit: configuration.maximumActiveRuns)
            case .active:
                state.executions[execution.id] = execution
                return true
            case .queued:
                state.executions[execution.id] = execution
                return false
            }
        }
    }

    /// Returns the run that an earlier request with the same idempotency key created.
    private func firstRun(_ id: RunID, for request: RunRequest) async throws -> RunHandle {
        try await storing {
            try await execution(of: id)?.wait(for: .created)
            async let stored = storage.run(id)
            async let input = storage.input(of: id)
            guard let run = try await stored else {
                // If it has left memory, it has expired. It is forgotten here, so that a repeated request creates it.
                try await resumeDormantRun(id)
                throw StorageError(
                    .outcomeUnknown, "run \(id) is being created by another request, or was just deleted")
            }
            guard run.agentName == request.agent, run.principal == request.principal?.id,
                request.session == nil || run.sessionID == request.session,
                try await input?.map(Comparable.init) == request.input.map(Comparable.init)
            else { throw RunEngineError.keyReused(id) }
            return RunHandle(engine: self, found: run)
        }
    }

    /// A message without its timestamps, which a server sets if a client omits them.
    private struct Comparable: Equatable {
        let role: Message.Role
        let parts: [MessagePart]

        init(_ message: Message) {
            role = message.role
            parts = message.parts
        }
    }

    // MARK: - Executions

    /// What the executions of this engine share.
    var executionContext: RunExecution.Context {
        RunExecution.Context(
            storage: storage, configuration: configuration, lease: lease, metrics: metrics, logger: logger,
            logLimiter: logLimiter
        ) { [weak self] execution, change in
            self?.execution(execution, did: change)
        }
    }

    private func execution(_ execution: RunExecution, did change: RunStateMachine.Change) {
        let id = execution.id
        // Recorded first: when a shutdown does not find the run among the executions any more, its trace has ended.
        record(change, of: execution)
        let (next, recovery) = state.withLock { state -> ([RunID], AsyncStream<Void>.Continuation?) in
            switch change {
            case .refused(let error):
                state.note(error)
                return ([], nil)
            case .awaiting(let eventCount):
                noteQuestion(eventCount, of: execution, in: &state)
                let next = state.limiter.remove(id)
                if state.executions[id] === execution { state.awaiting.insert(id) }
                return (next, nil)
            case .ending: return (state.deactivate(id), nil)
            case .resumed:
                if !state.awaiting.isEmpty { state.awaiting.remove(id) }
                if state.executions[id] === execution { state.limiter.activate(id) }
                return ([], nil)
            case .ended: return (state.remove(execution), nil)
            case .left(let eventCount, let deadline, let isAnswered):
                guard state.executions[id] === execution else { return ([], nil) }
                let next = state.remove(execution)
                makeDormant(
                    id, as: execution.owner, eventCount: eventCount, deadline: deadline, isDue: isAnswered, in: &state)
                return (next, isAnswered ? state.wakeRecovery : nil)
            case .abandoned(let error):
                guard error.code != .closed else { return (state.remove(execution), nil) }
                state.orphans.insert(id)
                return (state.remove(execution), state.wakeRecovery)
            }
        }
        recovery?.yield()
        for run in next { begin(run) }
    }

    /// Returns the execution of a run, or `nil` if this process does not execute it.
    func execution(of run: RunID) -> RunExecution? { state.withLock { $0.executions[run] } }

    /// The number of active runs in this process, not counting queued runs and those that await an answer.
    public var activeRuns: Int { state.withLock { $0.limiter.active.count } }

    /// The number of queued runs in this process, which wait until fewer runs are active or for their turn in their
    /// session.
    public var queuedRuns: Int { state.withLock { $0.limiter.queued.count } }

    /// The number of runs in this process that await an answer without a handler: they have left memory, or were taken
    /// over.
    package var dormantRuns: Int { state.withLock { $0.dormant.count } }

    /// Whether new runs are accepted.
    package var acceptsRuns: Bool { state.withLock { !$0.isShuttingDown } }

    // MARK: - Waiting

    /// Queues a run that was created but is not active: it waits for its turn in its session, if it has to, and for
    /// capacity.
    func enqueue(_ execution: RunExecution) async {
        guard execution.isTurnBased else {
            execution.update { $0.admit() }
            return proceed(execution.id)
        }
        state.withLock { state in
            // It may have been cancelled in the meantime.
            if state.executions[execution.id] === execution { state.waitingForTurn.insert(execution.id) }
        }
        do {
            let hasTurn = try await hasTurn(execution.id, in: execution.sessionID)
            guard hasTurn || execution.sessionRuns != .refuse else { return await refuseTurn(to: execution) }
            execution.update { $0.admit() }
            if hasTurn { proceed(execution.id) }
        } catch {
            // Its turn is checked again from time to time.
            execution.update { $0.admit() }
            logLimiter.log(
                .warning, "a run is queued, since the storage could not be asked for its turn",
                metadata: ["run_id": "\(execution.id)", "reason": "\(error)"], to: logger)
        }
    }

    private func refuseTurn(to execution: RunExecution) async {
        let busy = RunEngineError.sessionBusy(execution.sessionID)
        metrics.runWasRefused(.sessionBusy)
        do {
            try await storage.coordination.dequeue(execution.id, from: execution.sessionID)
            try await storage.deleteRun(execution.id)
            execution.update { $0.refuseTurn(busy, message: busy.description, isDeleted: true) }
        } catch {
            // It may still be stored: then it ends as failed, as soon as the storage accepts that.
            execution.update { $0.refuseTurn(error, message: busy.description, isDeleted: false) }
        }
    }

    /// Returns whether it is a run's turn in its session. Earlier runs that are deleted, or have ended without passing
    /// the turn on, are removed from the session's queue.
    func hasTurn(_ run: RunID, in session: SessionID) async throws -> Bool {
        while true {
            let first = try await storage.coordination.enqueue(run, in: session)
            if first == run { return true }
            // A run that has ended passes its turn on, but a caller that has seen its end may be faster.
            if let execution = execution(of: first), !execution.hasEnded { return false }
            if let record = try await storage.record(of: first), !record.snapshot.status.isTerminal { return false }
            try await storage.coordination.dequeue(first, from: session)
        }
    }

    /// Continues with a run whose turn it is. It starts as soon as there is capacity.
    func proceed(_ run: RunID) {
        let isActive = state.withLock { state in
            state.waitingForTurn.remove(run)
            return state.limiter.markReady(run)
        }
        if isActive { begin(run) }
    }

    func begin(_ run: RunID) {
        guard let execution = execution(of: run), let agent = agents[execution.agentName],
            execution.update({ $0.begin(now: .now) })
        else { return }
        execution.start(agent, isNew: false)
    }
}
