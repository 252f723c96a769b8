// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
public import Logging
public import ServiceLifecycle
import Synchronization

/// Executes agents: creates runs, writes what happens in them to storage, lets anybody follow, answer and cancel them.
///
/// The engine knows no wire format. A server translates requests into calls of this type; a program can just as well use it
/// directly:
///
/// ```swift
/// let engine = RunEngine(storage: MemoryStorage())
/// try engine.agents.addAgent("greeter") { context in "Hello, \(context.input.first?.text ?? "World")!" }
/// let run = try await engine.run(RunRequest(agent: "greeter", input: ["Ada"]))
/// print(run.text)
/// await engine.shutdown()
/// ```
///
/// It is a `Service`: run it to hear signals from other processes and to shut down gracefully.
public final class RunEngine: Service {
    /// The agents that runs can be created for.
    public let agents: AgentRegistry
    /// Where runs, events and sessions are kept, as agents and clients see them: see ``ContentStorage``.
    public var storage: any Storage { contents }
    let contents: ContentStorage
    let pages: EventPages
    public let configuration: EngineConfiguration
    let logger: Logger
    let lease: Lease
    /// Keeps lines that repeat from filling the log. The server uses it as well.
    package let logLimiter: LogLimiter
    let now: @Sendable () -> ContinuousClock.Instant
    let state: Mutex<State>

    struct State {
        var executions: [RunID: RunExecution] = [:]
        var places: RunPlaces
        /// Runs that await an answer, and whose handler runs nowhere: their process has ended. This one is to go on with them
        /// when the answer comes.
        var dormant: [RunID: DormantRun] = [:]
        /// Runs that this process is about to claim or to continue, and whether a signal to them was announced meanwhile: they are
        /// neither executed nor dormant yet.
        var arriving: [RunID: Bool] = [:]
        /// Runs whose signals could not be read when they were announced.
        var unheard: Set<RunID> = []
        /// Runs that were given up here, since they seemed to belong to another process or to be gone. It is looked at once more
        /// whether that is so: a run that still belongs to this process is ended by nobody else.
        var orphans: Set<RunID> = []
        /// Runs that wait for others of their session.
        var waitingForTurn: Set<RunID> = []
        var isShuttingDown = false
        /// Something went wrong that may have left runs behind which belong to this process, but are not here; or the other way.
        var needsReview = false
        /// Wakes the task that looks for lost runs.
        var wakeRecovery: AsyncStream<Void>.Continuation?
        /// Why the storage has refused the last heartbeat, or a new run since.
        var writeFailure: StorageError?
        var lastHeartbeat: ContinuousClock.Instant?
        /// Lost runs whose agent is not served here, and since when that is known.
        var strangers: [RunID: ContinuousClock.Instant] = [:]

        /// Forgets an execution that is over.
        ///
        /// - Returns: The runs that have got a place now.
        mutating func remove(_ execution: RunExecution) -> [RunID] {
            let id = execution.id
            if executions[id] === execution { executions[id] = nil }
            waitingForTurn.remove(id)
            return places.leave(id)
        }

        /// Notes why a run could not be created, unless that says something of the run only, and not of the storage.
        mutating func note(_ failure: StorageError) {
            switch failure.code {
            case .refused, .full, .cannotConnect, .timedOut, .outcomeUnknown: writeFailure = failure
            default: break
            }
        }
    }

    /// - Parameters:
    ///   - storage: Where runs, events and sessions are kept.
    ///   - agents: The agents. More can be added at any time.
    ///   - configuration: Limits and grace periods.
    ///   - logger: Gets a line per unusual event; runs log with their own ids.
    public convenience init(
        storage: any Storage,
        agents: AgentRegistry = AgentRegistry(),
        configuration: EngineConfiguration = EngineConfiguration(),
        logger: Logger = Logger(label: "acp.engine")
    ) {
        self.init(storage: storage, agents: agents, configuration: configuration, logger: logger, now: { .now })
    }

    /// With a clock of the caller's, so that the end of a lease can be tested without waiting.
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
        lease = Lease(storage.capabilities.isShared ? configuration.lease : nil, now: now)
        state = Mutex(
            State(
                places: RunPlaces(
                    limit: configuration.maximumRunningRuns, waitingLimit: configuration.maximumWaitingRuns)))
    }

    // MARK: - Creating

    /// Creates a run and lets it run until it has ended, or asks something.
    ///
    /// - Throws: ``RunEngineError``, or `CancellationError` if the calling task is cancelled, after which the run goes on.
    public func execute(_ request: RunRequest) async throws -> Run {
        try await launch(request).settled().run
    }

    /// Creates a run, writes it to storage, and lets it run.
    ///
    /// - Returns: The run as it was created. It may be further by now. With ``RunRequest/idempotencyKey``: the run that the
    ///   first such request created, as it stands.
    /// - Throws: ``RunEngineError``, or `CancellationError` if the calling task is cancelled, after which the run goes on.
    public func start(_ request: RunRequest) async throws -> Run {
        try await launch(request).created()
    }

    /// Lets a run begin, which may have to be written to storage still. Its handler is not called before that.
    package func launch(_ request: RunRequest) async throws -> RunHandle {
        guard let agent = agents[request.agent] else { throw RunEngineError.unknownAgent(request.agent) }
        try request.validate()
        let sessionID = request.session ?? SessionID()
        let run = Run(id: request.runID, agentName: request.agent, sessionID: sessionID)
        let execution: RunExecution
        do {
            execution = try RunExecution(
                run, sessionID: sessionID, input: request.input, brought: BroughtLinks(request.forwardedHistory),
                policy: agent.policy, in: executionContext)
        } catch {
            throw RunEngineError.wrapping(error)
        }
        // Of two requests with the same key, the second one finds the run of the first: here or, when it comes to creating it,
        // in storage.
        guard let begins = try admit(execution) else { return try await firstRun(run.id, for: request) }
        do {
            if !lease.isHeld || !lease.wasRenewed { try await renewLease() }
            try await keepForwarded(request, in: sessionID)
            try execution.update { try $0.create(begins: begins) }
        } catch {
            execution.update { $0.refuseCreation(error) }
            throw RunEngineError.wrapping(error)
        }
        execution.start(agent, isNew: true) { [weak self] in await self?.lineUp($0) }
        let handle = RunHandle(engine: self, creating: run, execution: execution)
        guard request.idempotencyKey != nil else { return handle }
        do {
            _ = try await handle.created()
        } catch let error as RunEngineError
            where error.storageError?.code == .fenced || error.storageError?.code == .conflict
        {
            // There is a run with its id.
            return try await firstRun(run.id, for: request)
        }
        return handle
    }

    /// - Returns: Whether the run has a place and begins at once; nil if there is a run with its id here.
    private func admit(_ execution: RunExecution) throws -> Bool? {
        try state.withLock { state in
            guard !state.isShuttingDown else { throw RunEngineError.shuttingDown }
            guard state.executions[execution.id] == nil else { return nil }
            switch state.places.admit(execution.id, mayBegin: !execution.takesTurns) {
            case .refused: throw RunEngineError.tooManyRuns(limit: configuration.maximumRunningRuns)
            case .begins:
                state.executions[execution.id] = execution
                return true
            case .waits:
                state.executions[execution.id] = execution
                return false
            }
        }
    }

    /// The run that an earlier request with the same idempotency key created.
    private func firstRun(_ id: RunID, for request: RunRequest) async throws -> RunHandle {
        try await storing {
            try await execution(of: id)?.wait(for: .created)
            async let stored = storage.run(id)
            async let input = storage.input(of: id)
            guard let run = try await stored else {
                throw StorageError(
                    .outcomeUnknown, "run \(id) is being created by another request, or was just deleted")
            }
            guard run.agentName == request.agent, request.session == nil || run.sessionID == request.session,
                try await input?.map(Comparable.init) == request.input.map(Comparable.init)
            else { throw RunEngineError.keyReused(id) }
            return RunHandle(engine: self, found: run)
        }
    }

    /// A message without its times, which a server fills in where a client leaves them out.
    private struct Comparable: Equatable {
        let role: Message.Role
        let parts: [MessagePart]

        init(_ message: Message) {
            role = message.role
            parts = message.parts
        }
    }

    // MARK: - Executions

    /// What executions need of the engine.
    var executionContext: RunExecution.Context {
        RunExecution.Context(
            storage: storage, configuration: configuration, lease: lease, logger: logger, logLimiter: logLimiter
        ) { [weak self] execution, change in
            self?.execution(execution, did: change)
        }
    }

    private func execution(_ execution: RunExecution, did change: RunStateMachine.Change) {
        let id = execution.id
        let (next, recovery) = state.withLock { state -> ([RunID], AsyncStream<Void>.Continuation?) in
            switch change {
            case .refused(let error):
                state.note(error)
                return ([], nil)
            case .awaiting, .ending:
                return (state.places.leave(id), nil)
            case .resumed:
                if state.executions[id] === execution { state.places.take(id) }
                return ([], nil)
            case .ended: return (state.remove(execution), nil)
            case .abandoned(let error):
                guard error.code != .closed else { return (state.remove(execution), nil) }
                state.orphans.insert(id)
                return (state.remove(execution), state.wakeRecovery)
            }
        }
        recovery?.yield()
        for run in next { begin(run) }
    }

    /// The execution of a run, if this process executes it.
    func execution(of run: RunID) -> RunExecution? { state.withLock { $0.executions[run] } }

    /// How many runs are running in this process, not counting those that wait or await an answer.
    public var runningRuns: Int { state.withLock { $0.places.running.count } }

    /// How many runs of this process wait for a place, or for their turn in their session.
    public var waitingRuns: Int { state.withLock { $0.places.waiting.count } }

    /// Whether new runs are taken.
    public var acceptsRuns: Bool { state.withLock { !$0.isShuttingDown } }

    // MARK: - Waiting

    /// A run was created, but does not begin at once: it waits for those of its session, if it has to, and for a place.
    func lineUp(_ execution: RunExecution) async {
        guard execution.takesTurns else {
            execution.update { $0.admit() }
            return proceed(execution.id)
        }
        state.withLock { state in
            // It may have been cancelled meanwhile.
            if state.executions[execution.id] === execution { state.waitingForTurn.insert(execution.id) }
        }
        do {
            let hasTurn = try await hasTurn(execution.id, in: execution.sessionID)
            guard hasTurn || execution.sessionRuns != .refuse else { return await refuseTurn(to: execution) }
            execution.update { $0.admit() }
            if hasTurn { proceed(execution.id) }
        } catch {
            // It stands in line, or will when the storage answers again: it is looked after from time to time.
            execution.update { $0.admit() }
            logLimiter.log(
                .warning, "a run waits, since the storage does not say whose turn it is",
                metadata: ["run_id": "\(execution.id)", "reason": "\(error)"], to: logger)
        }
    }

    private func refuseTurn(to execution: RunExecution) async {
        let busy = RunEngineError.sessionBusy(execution.sessionID)
        do {
            try await storage.coordination.dequeue(execution.id, from: execution.sessionID)
            try await storage.deleteRun(execution.id)
            execution.update { $0.refuseTurn(busy, message: busy.description, isDeleted: true) }
        } catch {
            // It may be stored still: then it ends, as soon as the storage takes that.
            execution.update { $0.refuseTurn(error, message: busy.description, isDeleted: false) }
        }
    }

    /// Whether it is a run's turn in its session. Runs that are gone, or have ended without passing their turn on, lose it.
    func hasTurn(_ run: RunID, in session: SessionID) async throws -> Bool {
        while true {
            let first = try await storage.coordination.enqueue(run, in: session)
            if first == run { return true }
            // One that has ended passes its turn on, but whoever has its answer may be faster.
            if let execution = execution(of: first), !execution.hasEnded { return false }
            if let record = try await storage.record(of: first), !record.snapshot.status.isTerminal { return false }
            try await storage.coordination.dequeue(first, from: session)
        }
    }

    /// It is a run's turn. It begins as soon as there is a place.
    func proceed(_ run: RunID) {
        let mayBegin = state.withLock { state in
            state.waitingForTurn.remove(run)
            return state.places.lineUp(run)
        }
        if mayBegin { begin(run) }
    }

    private func begin(_ run: RunID) {
        guard let execution = execution(of: run), let agent = agents[execution.agentName],
            execution.update({ $0.begin() })
        else { return }
        execution.start(agent, isNew: false)
    }
}
