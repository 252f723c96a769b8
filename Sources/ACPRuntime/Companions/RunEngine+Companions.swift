// SPDX-License-Identifier: Apache-2.0

package import ACPCore
import ACPStorage
import Synchronization

/// Runs that belong to other runs, and that callers do not see.
extension RunEngine {
    // MARK: - Agents

    /// Adds an agent of the server itself. If there is one with its name, that is kept.
    ///
    /// - Returns: Whether the agent was added.
    /// - Precondition: Its name begins with two underscores.
    @discardableResult
    package func addCompanionAgent(_ agent: some CompanionAgent) -> Bool {
        precondition(agent.name.isOfCompanions, "the name of a companion agent must begin with two underscores")
        return state.withLock { state in
            guard state.companionAgents[agent.name] == nil else { return false }
            state.companionAgents[agent.name] = agent
            return true
        }
    }

    /// Returns the agent of a run, or `nil` if this process does not serve it.
    func agent(_ name: AgentName, of run: RunID) -> (any Agent)? {
        run.isCompanion ? companionHandler(name, progress: nil) : agents[name]
    }

    private func companionHandler(_ name: AgentName, progress: JSONValue?) -> CompanionHandler? {
        state.withLock { $0.companionAgents[name] }.map {
            CompanionHandler(agent: $0, engine: self, memory: CompanionMemory(progress))
        }
    }

    // MARK: - Creating

    /// Starts a companion of a run, in place of the one with the same key if there is one, and waits until it is stored.
    ///
    /// Whether the run exists is not checked.
    ///
    /// - Parameters:
    ///   - subject: The run that it belongs to.
    ///   - key: Distinguishes the companions of the run.
    ///   - name: The name of its agent.
    ///   - value: What its agent gets.
    /// - Throws: ``RunEngineError``: `unknownAgent`, `shuttingDown`, `storage`; `CancellationError`.
    package func startCompanion(
        of subject: RunID, key: String, agent name: AgentName, input value: JSONValue
    ) async throws -> Companion {
        let input = CompanionInput(subject: subject, key: key, value: value)
        var attempts = 1
        var backoff = Backoff(first: .milliseconds(5), limit: .milliseconds(200))
        while true {
            do {
                return Companion(try await createCompanion(input, name), input)
            } catch let error as RunEngineError where error.isTaken && attempts < Self.maximumCreationAttempts {
                // There is one with the key, and others may replace it at the same time: the last one remains.
                try await deleteCompanion(of: subject, key: key)
            }
            // An attempt fails because another request was faster. These pauses let one after the other finish.
            if attempts > 1 { try await Task.sleep(for: backoff.next()) }
            attempts += 1
        }
    }

    /// How often a companion is created while others create one with the same key, before the last error is thrown. That
    /// takes some 15 seconds.
    private static let maximumCreationAttempts = 100

    private func createCompanion(_ input: CompanionInput, _ name: AgentName) async throws -> Run {
        guard let handler = companionHandler(name, progress: nil) else { throw RunEngineError.unknownAgent(name) }
        let session = SessionID(companionsOf: input.subject)
        let run = Run(id: RunID(companionOf: input.subject, key: input.key), agentName: name, sessionID: session)
        let execution: RunExecution
        do {
            execution = try RunExecution(
                run, sessionID: session, input: try input.messages(), forwardedLinks: ForwardedLinks(),
                policy: CompanionHandler.policy, in: executionContext)
        } catch {
            throw RunEngineError.wrapping(error)
        }
        try state.withLock { state in
            guard !state.isShuttingDown else { throw RunEngineError.shuttingDown }
            guard state.executions[run.id] == nil else {
                throw RunEngineError.storage(StorageError(.conflict, "run \(run.id) exists"))
            }
            state.executions[run.id] = execution
        }
        do {
            if !lease.isHeld || !lease.wasRenewed { try await renewLease() }
            try execution.update { try $0.create(shouldStart: true) }
        } catch {
            execution.update { $0.refuseCreation(error) }
            throw RunEngineError.wrapping(error)
        }
        execution.start(handler, isNew: true)
        try await storing { try await execution.created() }
        return run
    }

    // MARK: - Finding

    /// Returns a companion, or `nil` if there is none with the key.
    ///
    /// - Throws: ``RunEngineError``: `storage`.
    package func companion(of subject: RunID, key: String) async throws -> Companion? {
        try await storing {
            guard let run = try await storage.run(RunID(companionOf: subject, key: key)) else { return nil }
            return try await companion(run)
        }
    }

    /// Returns the companions of a run, the oldest first.
    ///
    /// - Throws: ``RunEngineError``: `storage`.
    package func companions(of subject: RunID) async throws -> [Companion] {
        try await storing {
            let runs = try await companionRuns(of: subject)
            return try await inParallel(runs.reversed()) { try await self.companion($0) }.compactMap { $0 }
        }
    }

    /// Returns the number of companions of a run.
    ///
    /// - Throws: ``RunEngineError``: `storage`.
    package func companionCount(of subject: RunID) async throws -> Int {
        try await storing {
            try await storage.storedRuns(RunQuery(.session(SessionID(companionsOf: subject)), limit: 0)).total
        }
    }

    private func companion(_ run: Run) async throws -> Companion? {
        guard let input = try await storage.input(of: run.id) else { return nil }
        do {
            return Companion(run, try CompanionInput(input))
        } catch {
            throw StorageError(.corruptData, "\(StoredDocument.input(run.id)) cannot be read", cause: error)
        }
    }

    /// Returns the companions of a run, the newest first.
    private func companionRuns(of subject: RunID) async throws -> [Run] {
        var runs: [Run] = []
        while true {
            let page = try await storage.runs(
                RunQuery(.session(SessionID(companionsOf: subject)), offset: runs.count, limit: 100))
            runs += page.items
            if page.items.isEmpty || runs.count >= page.total { return runs }
        }
    }

    // MARK: - Deleting

    /// Stops and deletes a companion, whichever process executes it. Has no effect if there is none with the key.
    ///
    /// - Throws: ``RunEngineError``: `storage`; `CancellationError`.
    package func deleteCompanion(of subject: RunID, key: String) async throws {
        try await storing { try await deleteCompanion(RunID(companionOf: subject, key: key)) }
    }

    /// Stops and deletes all companions of a run.
    func deleteCompanions(of subject: RunID) async throws {
        guard state.withLock({ !$0.companionAgents.isEmpty }) else { return }
        let runs = try await companionRuns(of: subject)
        _ = try await inParallel(runs.map(\.id)) { try await self.deleteCompanion($0) }
    }

    /// How long the deletion of a companion waits for the process that executes it.
    private static let deletionGrace = Duration.seconds(5)

    private func deleteCompanion(_ id: RunID) async throws {
        if let execution = execution(of: id) {
            try await execution.wait(for: .created)
            execution.update { $0.abandon(StorageError(.closed, "the companion was deleted")) }
            // Also if another task has ended it and is about to remove it: a new one can take its place now.
            for run in state.withLock({ $0.remove(execution) }) { begin(run) }
        } else {
            guard let record = try await contents.recordWithoutContents(of: id) else { return }
            if !record.snapshot.status.isTerminal, let owner = record.owner {
                // The owner stops when it receives the signal. A process that takes the run over finds the signal, or
                // that the run is not stored any more.
                try await storage.coordination.send(.cancel, to: id)
                if try await storage.coordination.liveProcesses().contains(owner.process) {
                    _ = await withDeadline(Self.deletionGrace) { [self] in
                        var events = follow(id, from: record.eventCount).makeAsyncIterator()
                        while let batch = try? await events.next(), !batch.events.isEmpty {}
                    }
                }
            }
        }
        try await storage.deleteRun(id)
        pages.forget(id)
    }

    // MARK: - Continuing

    /// Continues a companion that this process has just claimed, after the progress that is stored of it.
    func continueCompanion(_ run: Run, _ record: RunRecord, as owner: RunOwner) async throws {
        async let input = storage.input(of: run.id)
        let last = try await storage.events(of: run.id, from: max(0, record.eventCount - 1), limit: 1).last
        var progress: JSONValue?
        if case .generic(let value)? = try? last?.decode() { progress = value }
        guard let handler = companionHandler(run.agentName, progress: progress) else { return }
        let execution = RunExecution(
            recovering: run, eventCount: record.eventCount, input: try await input ?? [],
            policy: CompanionHandler.policy, owner: owner, replay: nil, in: executionContext)
        guard register(execution, isActive: false) else { return }
        execution.start(handler, isNew: false)
    }

    // MARK: - Hiding

    /// Throws if a run is a companion, which callers do not see.
    func requireVisible(_ id: RunID) throws(RunEngineError) {
        if id.isCompanion { throw .unknownRun(id) }
    }

    /// Reads one page of a list of runs, without companions.
    ///
    /// Only the lists of all runs and of those with a status can contain companions, and none that belongs to a
    /// principal. If there are any, the list is read from its beginning.
    func withoutCompanions(
        _ query: RunQuery, _ read: (RunQuery) async throws -> StoragePage<Run>
    ) async throws -> StoragePage<Run> {
        if query.principal != nil { return try await read(query) }
        switch query.filter {
        case .session(let session) where session.isOfCompanions: return StoragePage(items: [], total: 0)
        case .agent(let agent) where agent.isOfCompanions && agents[agent] == nil:
            return StoragePage(items: [], total: 0)
        case .all, .unfinished(.inProgress), .unfinished(.cancelling): break
        case .session, .agent, .unfinished: return try await read(query)
        }
        let page = try await read(query)
        let served = state.withLock { Set($0.companionAgents.keys) }
        let names = served.union(page.items.filter(\.id.isCompanion).map(\.agentName))
        let hidden = try await companionCount(of: names, in: query.filter)
        guard hidden > 0 else { return page }
        let (offset, limit) = (max(0, query.offset), max(0, query.limit))
        var (visible, position, total) = (0, 0, page.total)
        var items: [Run] = []
        while items.count < limit, position < total {
            let next = try await read(RunQuery(query.filter, offset: position, limit: 100))
            if next.items.isEmpty { break }
            for run in next.items where !run.id.isCompanion {
                if visible >= offset, items.count < limit { items.append(run) }
                visible += 1
            }
            position += next.items.count
            total = next.total
        }
        return StoragePage(items: items, total: max(0, total - hidden))
    }

    private func companionCount(of names: Set<AgentName>, in filter: RunQuery.Filter) async throws -> Int {
        var count = 0
        for name in names {
            switch filter {
            case .unfinished(let status):
                let statuses: Set<DetailedRunStatus> = [status == .cancelling ? .cancelling : .inProgress]
                count += try await storage.storedRuns(RunStatusQuery(agent: name, statuses: statuses, limit: 0)).total
            case .all, .agent, .session: count += try await storage.storedRuns(RunQuery(.agent(name), limit: 0)).total
            }
        }
        return count
    }
}

extension RunEngineError {
    /// Whether a run with the id exists already.
    fileprivate var isTaken: Bool { storageError.map { $0.code == .conflict || $0.code == .fenced } ?? false }
}
