// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ACPRedis
import ACPServer
import Logging
import Redis
import RedisTestSupport
import ServiceLifecycle
import Synchronization
import Testing

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// The result of a run of the load.
struct Outcome: Sendable {
    let id: RunID
    let session: SessionID
    let begun: ContinuousClock.Instant
    let ended: ContinuousClock.Instant
    let status: RunStatus
    /// What is wrong with the run's events; `nil` if they are correct.
    let fault: String?
    let error: String?
}

/// Runs that several callers of a server in this process start continuously, until the load ends.
///
/// Each run outputs the numbers from 0 to ``parts``, and is checked when it has ended: no number may be missing or
/// doubled.
final class Load: Sendable {
    static let parts = 12

    private struct State {
        var outcomes: [Outcome] = []
        var refused = 0
        var lost = 0
        var isOver = false
        var begun = 0
    }

    private let state = Mutex(State())
    let client: ACPClient
    let storage: RedisStorage

    init(_ client: ACPClient, _ storage: RedisStorage) {
        self.client = client
        self.storage = storage
    }

    var outcomes: [Outcome] { state.withLock { $0.outcomes } }
    /// The number of refused starts; the callers tried again.
    var refused: Int { state.withLock { $0.refused } }

    /// The number of runs that are not stored any more: they were acknowledged by a master that was replaced before its
    /// replica had received them. Redis replicates asynchronously.
    var lost: Int { state.withLock { $0.lost } }

    func end() { state.withLock { $0.isOver = true } }
    private var isOver: Bool { state.withLock { $0.isOver } }

    /// Waits until so many more of the matching runs were started and have ended.
    func waitForMore(
        _ count: Int, where isWanted: @Sendable (Outcome) -> Bool = { _ in true }
    ) async throws -> Bool {
        let now = ContinuousClock.now
        return try await poll(for: .seconds(90), every: .milliseconds(20)) {
            self.outcomes.count { $0.begun > now && isWanted($0) } >= count
        }
    }

    /// One caller after the other, each with a session of its own.
    func caller(session: SessionID) async {
        while !isOver {
            let begun = ContinuousClock.now
            guard let id = await start(session) else { continue }
            guard let run = await untilEnded(id) else { continue }
            let fault = await check(id, run)
            let outcome = Outcome(
                id: id, session: session, begun: begun, ended: .now, status: run.status, fault: fault,
                error: run.error.map { "\($0)" })
            state.withLock { $0.outcomes.append(outcome) }
        }
    }

    private func start(_ session: SessionID) async -> RunID? {
        do {
            return try await client.start(agent: "teller", input: "go", session: session).id
        } catch {
            state.withLock { $0.refused += 1 }
            try? await Task.sleep(for: .milliseconds(50))
            return nil
        }
    }

    private func untilEnded(_ id: RunID) async -> Run? {
        let deadline = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < deadline {
            if let run = try? await client.fetchRun(id), run.status.isTerminal { return run }
            if await isLost(id) {
                state.withLock { $0.lost += 1 }
                return nil
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("run \(id) is stuck")
        return nil
    }

    private func isLost(_ id: RunID) async -> Bool {
        do {
            return try await storage.record(of: id) == nil
        } catch {
            return false
        }
    }

    private func check(_ id: RunID, _ run: Run) async -> String? {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            guard let events = try? await client.events(of: id) else {
                if await isLost(id) { return nil }
                try? await Task.sleep(for: .milliseconds(20))
                continue
            }
            let output = events.compactMap { event in
                if case .messagePart(let part) = event { part.text.flatMap { Int($0) } } else { nil }
            }
            let expected = run.status == .completed ? Array(0..<Self.parts) : Array(0..<output.count)
            let ends = events.count { [.runCompleted, .runFailed, .runCancelled].contains($0.kind) }
            if output != expected { return "the output is \(output)" }
            return ends == 1 ? nil : "ended \(ends) times"
        }
        return "its events cannot be read"
    }
}

/// Runs a step while a server with this storage is under a steady load, and checks every run.
@discardableResult
func underLoad(
    _ url: String, callers: Int = 6, timeToLive: Duration = .seconds(600),
    sessions: [SessionID]? = nil,
    _ body: @escaping @Sendable (Load) async throws -> Void
) async throws -> Load {
    var configuration = try RedisConfiguration(url: url)
    configuration.commandTimeout = .seconds(2)
    configuration.logger = .silent
    let storage = try RedisStorage(.init(redis: configuration, timeToLive: timeToLive))
    let server = ACPServer(
        storage: storage,
        configuration: ServerConfiguration(port: 0, engine: EngineConfiguration(shutdownGrace: .seconds(5))),
        logger: .silent)
    try server.addAgent("teller") { context in
        for number in 0..<Load.parts {
            try await context.yield(Message("\(number)"))
            try await Task.sleep(for: .milliseconds(5))
        }
    }
    let port = AsyncStream.makeStream(of: Int.self)
    let service = Served(server: server) { port.continuation.yield($0) }
    let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: .silent))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        guard let number = await port.stream.first(where: { _ in true }) else { throw CancellationError() }
        let client = try ACPClient("http://127.0.0.1:\(number)", configuration: .init())
        let load = Load(client, storage)
        let outcome: Result<Void, any Error> = await withTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                let session = sessions.map { $0[caller % $0.count] } ?? SessionID()
                group.addTask { await load.caller(session: session) }
            }
            let outcome: Result<Void, any Error>
            do {
                #expect(try await load.waitForMore(callers), "the load does not start")
                try await body(load)
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            load.end()
            return outcome
        }
        try? await client.close()
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        await storage.close()
        try outcome.get()
        for outcome in load.outcomes {
            #expect(outcome.fault == nil, "run \(outcome.id), \(outcome.status): \(outcome.error ?? "")")
        }
        return load
    }
}

private struct Served: Service {
    let server: ACPServer
    let onReady: @Sendable (Int) -> Void

    func run() async throws { try await server.runService { onReady($0) } }
}

extension Load {
    /// The runs that did not complete.
    var failures: [Outcome] { outcomes.filter { $0.status != .completed } }

    /// The measurements, for the log.
    func report(_ what: String) {
        let lengths = outcomes.map { $0.ended - $0.begun }.sorted()
        guard let longest = lengths.last else { return }
        print(
            "MEASURED \(what): \(outcomes.count) runs, \(failures.count) not completed, \(lost) lost,",
            "\(refused) starts refused,",
            "median \(lengths[lengths.count / 2]), longest \(longest)")
    }
}
