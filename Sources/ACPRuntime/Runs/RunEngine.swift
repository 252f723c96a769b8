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
/// engine.agents.agent("greeter") { context in "Hello, \(context.input.first?.text ?? "World")!" }
/// let run = try await engine.run(RunRequest(agent: "greeter", input: ["Ada"]))
/// print(run.text)
/// await engine.shutdown()
/// ```
///
/// It is a `Service`: run it to hear signals from other processes and to shut down gracefully.
public final class RunEngine: Service {
    /// The agents that runs can be created for.
    public let agents: AgentRegistry
    public let storage: any Storage
    public let configuration: EngineConfiguration
    let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var executions: [RunID: RunExecution] = [:]
        /// Runs that take one of the places that the configuration allows: all but those that await an answer.
        var running: Set<RunID> = []
        var isShuttingDown = false
    }

    /// - Parameters:
    ///   - storage: Where runs, events and sessions are kept.
    ///   - agents: The agents. More can be added at any time.
    ///   - configuration: Limits and grace periods.
    ///   - logger: Gets a line per unusual event; runs log with their own ids.
    public init(
        storage: any Storage,
        agents: AgentRegistry = AgentRegistry(),
        configuration: EngineConfiguration = EngineConfiguration(),
        logger: Logger = Logger(label: "acp.engine")
    ) {
        self.agents = agents
        self.storage = storage
        self.configuration = configuration
        self.logger = logger
    }

    // MARK: - Creating

    /// Creates a run and lets it run until it has ended, or asks something.
    ///
    /// - Throws: ``RunEngineError``, or `CancellationError` if the calling task is cancelled, after which the run goes on.
    public func run(_ request: RunRequest) async throws -> Run {
        let created = try await start(request)
        return try await settledRun(created.id, after: 0)
    }

    /// Creates a run, writes it to storage, and lets it run.
    ///
    /// - Returns: The run as it was created. It may be further by now.
    /// - Throws: ``RunEngineError``.
    public func start(_ request: RunRequest) async throws -> Run {
        guard let agent = agents[request.agent] else { throw RunEngineError.unknownAgent(request.agent) }
        try request.validate()
        let sessionID = request.session ?? SessionID()
        let run = Run(agentName: request.agent, sessionID: sessionID)
        let execution = RunExecution(
            run: run, sessionID: sessionID, input: request.input, storage: storage, configuration: configuration,
            logger: logger
        ) { [weak self] execution, change in
            self?.execution(execution, did: change)
        }
        try admit(execution)
        do {
            try await storing {
                if !request.forwardedHistory.isEmpty {
                    try await storage.append(request.forwardedHistory.map(HistoryBlock.init(link:)), to: sessionID)
                }
                // Nobody's child: a caller who goes away must not leave a run behind that is stored but never begins.
                try await Task { try await execution.create() }.value
            }
        } catch {
            // Whoever has found the run meanwhile goes on with what storage says.
            execution.abandonCreation()
            throw error
        }
        execution.start(agent)
        return run
    }

    private func admit(_ execution: RunExecution) throws {
        try state.withLock { state in
            guard !state.isShuttingDown else { throw RunEngineError.shuttingDown }
            guard state.running.count < configuration.maximumRunningRuns else {
                throw RunEngineError.tooManyRuns(limit: configuration.maximumRunningRuns)
            }
            state.running.insert(execution.id)
            state.executions[execution.id] = execution
        }
    }

    private func execution(_ execution: RunExecution, did change: RunExecution.Change) {
        state.withLock { state in
            switch change {
            case .awaiting:
                state.running.remove(execution.id)
            case .resumed:
                if state.executions[execution.id] != nil { state.running.insert(execution.id) }
            case .ending:
                state.running.remove(execution.id)
            case .ended:
                state.running.remove(execution.id)
                state.executions[execution.id] = nil
            }
        }
    }

    /// The execution of a run, if this process executes it.
    func execution(of run: RunID) -> RunExecution? { state.withLock { $0.executions[run] } }

    /// How many runs are running in this process, not counting those that await an answer.
    public var runningRuns: Int { state.withLock { $0.running.count } }

    /// Whether new runs are taken.
    public var acceptsRuns: Bool { state.withLock { !$0.isShuttingDown } }

    // MARK: - Life cycle

    /// Hears signals from other processes until the service group shuts down gracefully; then lets runs finish within the
    /// grace period.
    public func run() async throws {
        let announcements = try await storage.coordination.announcements(to: configuration.process)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                for await announcement in announcements { await hear(announcement) }
            }
            try? await gracefulShutdown()
            await shutdown()
            group.cancelAll()
        }
    }

    private func hear(_ announcement: SignalAnnouncement) async {
        let runs: [RunExecution] =
            switch announcement {
            case .signal(let run): execution(of: run).map { [$0] } ?? []
            case .gap: state.withLock { Array($0.executions.values) }
            }
        for run in runs {
            do {
                try await obeySignals(to: run)
            } catch {
                logger.warning(
                    "the signals to a run cannot be read", metadata: ["run_id": "\(run.id)", "reason": "\(error)"])
            }
        }
    }

    func obeySignals(to execution: RunExecution) async throws {
        for signal in try await storage.coordination.signals(to: execution.id) {
            switch signal {
            case .cancel: _ = execution.cancel()
            case .resume(let answer, let eventCount): _ = execution.deliver(answer, eventCount: eventCount)
            }
        }
    }

    /// Takes no new runs, lets those that run finish within the grace period, and fails the rest with an error that says so.
    /// Runs that await an answer are not waited for: on durable storage they stay as they are, else they fail.
    public func shutdown() async {
        state.withLock { $0.isShuttingDown = true }
        let executions = state.withLock { Array($0.executions.values) }
        _ = await withDeadline(configuration.shutdownGrace) { [self] in
            await withTaskGroup(of: Void.self) { group in
                for execution in executions {
                    group.addTask { [self] in
                        while !Task.isCancelled, (try? await execution.waitUntilQuiet()) != nil, execution.isAwaiting {
                            await letGo(execution)
                        }
                    }
                }
            }
        }
        // A task of its own, because it has a deadline of its own: a process that is told to hurry still says how runs ended.
        await Task { await failRest() }.value
    }

    private func failRest() async {
        let rest = state.withLock { Array($0.executions.values) }
        guard !rest.isEmpty else { return }
        logger.warning("runs that go on after the grace period fail", metadata: ["runs": "\(rest.count)"])
        _ = await withDeadline(configuration.storagePatience) { [self] in
            await withTaskGroup(of: Void.self) { group in
                for execution in rest {
                    group.addTask { [self] in await fail(execution, "the server shut down before the run had ended") }
                }
            }
        }
        for execution in state.withLock({ Array($0.executions.values) }) {
            execution.abandon(StorageError(.closed, "the server shut down before the end of the run could be stored"))
        }
    }

    private func letGo(_ execution: RunExecution) async {
        if storage.capabilities.isDurable {
            guard (try? await execution.committedAwait(patiently: true)) != nil else { return }
            execution.abandon(
                StorageError(.closed, "the server shut down; the run goes on awaiting its answer"),
                onlyWhileAwaiting: true)
        } else {
            await fail(execution, "the server shut down while the run awaited an answer")
        }
    }

    /// Fails a run and waits for that to be stored, or for its own cancellation.
    private func fail(_ execution: RunExecution, _ reason: String) async {
        // Nobody's child: writing to a storage that fails is tried again until it succeeds or the run is abandoned, and a
        // cancelled task cannot wait between the tries.
        Task { await execution.finish(.failed(ACPError(.serverError, reason))) }
        try? await execution.waitUntilEnded(patiently: true)
    }
}

/// Runs a step, cancelling it when the time is up. Nil if that happened.
private func withDeadline<Result: Sendable>(
    _ limit: Duration, _ step: @escaping @Sendable () async -> Result
) async -> Result? {
    await withTaskGroup(of: Result?.self) { group in
        group.addTask { await step() }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        return first
    }
}
