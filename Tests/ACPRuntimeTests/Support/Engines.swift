// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Logging
import Testing

/// Grace periods and timeouts that no test reaches by default.
func configuration(
    maximumActiveRuns: Int = 1_000,
    maximumQueuedRuns: Int = 0,
    sessionRuns: AgentPolicy.SessionRuns = .overlap,
    cancellationGrace: Duration = .seconds(300),
    shutdownGrace: Duration = .seconds(300),
    storageTimeout: Duration = .seconds(300),
    resourceLoader: (any ResourceLoader)? = nil
) -> EngineConfiguration {
    EngineConfiguration(
        maximumActiveRuns: maximumActiveRuns, maximumQueuedRuns: maximumQueuedRuns, sessionRuns: sessionRuns,
        cancellationGrace: cancellationGrace, shutdownGrace: shutdownGrace,
        storageTimeout: storageTimeout, resourceLoader: resourceLoader)
}

extension EngineConfiguration {
    func with(_ change: (inout EngineConfiguration) -> Void) -> EngineConfiguration {
        var configuration = self
        change(&configuration)
        return configuration
    }
}

func makeEngine(
    _ storage: any Storage = MemoryStorage(), _ configuration: EngineConfiguration = configuration()
) -> RunEngine {
    RunEngine(
        storage: storage, configuration: configuration,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
}

extension RunEngine {
    func call(_ agent: AgentName, _ input: Message = "hello", session: SessionID? = nil) async throws -> Run {
        try await execute(RunRequest(agent: agent, input: [input], session: session))
    }

    func start(_ agent: AgentName, _ input: Message = "hello", session: SessionID? = nil) async throws -> RunID {
        try await start(RunRequest(agent: agent, input: [input], session: session)).id
    }

    @discardableResult
    func resume(_ id: RunID, _ answer: String) async throws -> (run: Run, eventCount: Int) {
        try await resume(id, with: .message(Message(answer)))
    }

    /// Returns the run when it has ended.
    func endedRun(_ id: RunID) async throws -> Run {
        for try await _ in follow(id) {}
        return try await fetchRun(id)
    }

    /// Returns all events that a follower gets, and asserts that they are in order, each once.
    func followed(
        _ id: RunID, from offset: Int = 0, until end: RunEvents.StopCondition = .terminal
    ) async throws -> [Event] {
        try await collect(follow(id, from: offset, until: end), from: offset)
    }
}

func collect(_ batches: RunEvents, from offset: Int = 0) async throws -> [Event] {
    var events: [Event] = []
    for try await batch in batches {
        #expect(batch.offset == offset + events.count)
        #expect(!batch.events.isEmpty)
        events += try batch.events.map { try $0.decode() }
    }
    return events
}

extension Storage {
    /// Returns the kinds of a run's stored events.
    func kinds(_ run: RunID) async throws -> [String] {
        try await events(of: run, from: 0, limit: nil).map(\.kind.rawValue)
    }
}

/// Checks the invariants of every run: its events start with its creation, only the last one may end it, and applying
/// them results in the stored run.
func expectSound(
    _ id: RunID, in storage: any Storage, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let events = try await storage.events(of: id)
    let run = try #require(try await storage.run(id), sourceLocation: sourceLocation)
    #expect(events.first?.kind == .runCreated, sourceLocation: sourceLocation)
    #expect(events.dropFirst().first?.kind == .runInProgress, sourceLocation: sourceLocation)
    let terminal = events.indices.filter { events[$0].kind.isTerminal }
    #expect(
        terminal == (run.status.isTerminal ? [events.count - 1] : []), "\(run.status)", sourceLocation: sourceLocation)
    var folded = try #require(events.first?.run, sourceLocation: sourceLocation)
    for event in events.dropFirst() { folded.apply(event) }
    #expect(folded == run, sourceLocation: sourceLocation)
    let record = try #require(try await storage.record(of: id), sourceLocation: sourceLocation)
    #expect(record.eventCount == events.count, sourceLocation: sourceLocation)
    var status: RunStatus?
    for event in events {
        guard let next = event.run?.status else { continue }
        // Cancelling has no event of its own.
        let mayFollow = status.map { $0.canBecome(next) || $0.canBecome(.cancelling) && next == .cancelled } ?? true
        #expect(mayFollow, "\(String(describing: status)) to \(next)", sourceLocation: sourceLocation)
        status = next
    }
}

/// Returns a short text for the error with which the engine refuses an operation.
func refusal(_ step: () async throws -> Void) async -> String? {
    do {
        try await step()
        return nil
    } catch let error as RunEngineError {
        #expect(!error.description.isEmpty)
        let status = error.runStatus?.rawValue ?? "?"
        return switch error.code {
        case .unknownAgent: "unknown agent"
        case .unknownRun: "unknown run"
        case .unknownSession: "unknown session"
        case .invalidInput: "invalid input"
        case .notAwaiting: "not awaiting but \(status)"
        case .alreadyEnded: "ended already: \(status)"
        case .notEnded: "not ended but \(status)"
        case .sessionBusy: "session busy"
        case .keyReused: "key reused"
        case .tooManyRuns: "more than \(error.message.prefix { $0.isNumber }) runs"
        case .shuttingDown: "shutting down"
        case .storage: "storage: \(error.storageError.map { "\($0.code)" } ?? "?")"
        default: "\(error.code)"
        }
    } catch {
        return String(describing: type(of: error))
    }
}
