// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Metrics
import Synchronization
import Tracing

@testable import ACPRuntime

/// A clock that only tests advance.
final class ManualClock: Sendable {
    private let time = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { time.withLock { $0 } }

    func pass(_ duration: Duration) { time.withLock { $0 += duration } }
}

/// Several engines on one storage that reports itself as shared, with a clock that only tests advance, and with
/// connections that can be cut: this simulates processes that have ended or were suspended.
final class Processes: Sendable {
    let clock = ManualClock()
    let storage: any Storage
    let lease = Duration.seconds(15)
    /// The time after which a run leaves memory that awaits an answer, in processes of which they do.
    static let departureDelay = Duration.seconds(5)

    init() {
        storage = MemoryStorage(.init(timeToLive: .seconds(86_400)), now: { [clock] in clock.now })
    }

    /// Creates a process with its own connection to the storage. Its agents are added by `serve`.
    func process(
        maximumActiveRuns: Int = 1_000, sessionRuns: AgentPolicy.SessionRuns = .overlap,
        shutdownGrace: Duration = .seconds(300), storageTimeout: Duration = .seconds(300),
        cancellationGrace: Duration = .seconds(300), leavesMemory: Bool = false,
        metricsFactory: (any MetricsFactory)? = nil, tracer: (any Tracer)? = nil,
        logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        serve: (AgentRegistry) throws -> Void = { _ in }
    ) async throws -> Process {
        let link = Link(to: storage)
        var configuration = configuration(
            maximumActiveRuns: maximumActiveRuns, maximumQueuedRuns: 100, sessionRuns: sessionRuns,
            cancellationGrace: cancellationGrace, shutdownGrace: shutdownGrace)
        configuration.awaitingRunsLeaveMemoryAfter = Self.departureDelay
        configuration.storageTimeout = storageTimeout
        configuration.lease = lease
        configuration.metricsFactory = metricsFactory
        configuration.tracer = tracer
        let engine = RunEngine(
            storage: link, configuration: configuration, logger: logger, now: { [clock] in clock.now })
        if leavesMemory { engine.startLettingRunsLeave() }
        try serve(engine.agents)
        try await engine.renewLease()
        return Process(engine: engine, link: link)
    }

    /// Lets so much time pass that a run leaves memory which awaits an answer.
    func letLeave(_ run: RunID, _ process: Process) async throws {
        try await eventually("run \(run) has left memory") {
            clock.pass(Self.departureDelay)
            try await process.engine.renewLease()
            process.engine.leaveMemory()
            return process.engine.execution(of: run) == nil
        }
    }

    /// Lets so much time pass that the members forget the processes that have ended.
    func forgetOthers(_ members: [Process]) async throws {
        clock.pass(lease * 10)
        for member in members { try await member.engine.renewLease() }
        for member in members { await member.engine.recover() }
    }
}

struct Process {
    let engine: RunEngine
    let link: Link

    /// Disconnects this process from the storage.
    func die() { link.isCut.withLock { $0 = true } }

    /// Reconnects a process that was only suspended.
    func comeBack() { link.isCut.withLock { $0 = false } }

    var isConnected: Bool { link.isCut.withLock { !$0 } }

    var id: ProcessID { engine.configuration.process }

    /// Performs the periodic work of the engine.
    func tick() async throws {
        try await engine.renewLease()
        await engine.recover()
    }
}

/// A connection to a storage.
final class Link: Storage, Coordination {
    let base: any Storage
    let isCut = Mutex(false)
    private let commitFault = Mutex<(@Sendable (RunCommit) async throws -> Void)?>(nil)

    enum Fault: Sendable {
        /// The operation fails with this error, and has no effect.
        case failure(StorageError)
        /// The operation succeeds, but its reply is lost.
        case lostReply
    }

    private let callSteps = Mutex<
        (before: (@Sendable (String) async throws -> Void)?, after: (@Sendable (String) -> Void)?)
    >((nil, nil))
    private let callRule = Mutex<(@Sendable (String) -> Fault?)?>(nil)

    private struct ClaimSteps {
        var before: (@Sendable () async throws -> Void)?
        var after: (@Sendable () -> Void)?
    }

    private let claimSteps = Mutex(ClaimSteps())

    init(to base: any Storage) { self.base = base }

    var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: true, timeToLive: base.capabilities.timeToLive)
    }
    var coordination: any Coordination { self }

    /// Called before each claim.
    func onClaim(_ step: (@Sendable () async throws -> Void)?) { claimSteps.withLock { $0.before = step } }

    /// Called after each claim.
    func afterClaim(_ step: (@Sendable () -> Void)?) { claimSteps.withLock { $0.after = step } }

    /// Called before each commit.
    func onCommit(_ step: (@Sendable (RunCommit) async throws -> Void)?) { commitFault.withLock { $0 = step } }

    /// Called before and after each call, with its name.
    func aroundCalls(
        before: (@Sendable (String) async throws -> Void)? = nil, after: (@Sendable (String) -> Void)? = nil
    ) {
        callSteps.withLock { $0 = (before, after) }
    }

    /// Called before each call, with its name as in `commit(_:)`.
    func onCall(_ rule: (@Sendable (String) -> Fault?)?) { callRule.withLock { $0 = rule } }

    private func through<Result>(
        _ name: String = #function, _ step: (any Storage) async throws -> Result
    ) async throws -> Result {
        if isCut.withLock({ $0 }) { throw StorageError(.cannotConnect, "the connection is cut") }
        let fault = callRule.withLock { $0 }?(name)
        let steps = callSteps.withLock { $0 }
        try await steps.before?(name)
        defer { steps.after?(name) }
        if case .failure(let error)? = fault { throw error }
        let result = try await step(base)
        if case .lostReply? = fault { throw StorageError(.outcomeUnknown, "the reply was lost") }
        // The operation may have succeeded before the cut, but its reply is lost.
        if isCut.withLock({ $0 }) { throw StorageError(.outcomeUnknown, "the connection is cut") }
        return result
    }

    func commit(_ commit: RunCommit) async throws {
        try await commitFault.withLock { $0 }?(commit)
        try await through { try await $0.commit(commit) }
    }
    func storedRun(_ run: RunID) async throws -> StoredRun? {
        try await through("record(of:)") { try await $0.storedRun(run) }
    }
    func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        try await through("input(of:)") { try await $0.storedInput(of: run) }
    }
    func save(_ run: Run, json: [UInt8]) async throws {
        try await through("save(_:)") { try await $0.save(run, json: json) }
    }
    func append(_ event: EncodedEvent, to run: RunID) async throws {
        try await through { try await $0.append(event, to: run) }
    }
    func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        try await through { try await $0.deleteRun(run, forGood: forGood) }
    }
    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try await through("runs(_:)") { try await $0.storedRuns(query) }
    }
    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try await through { try await $0.events(of: run, from: offset, limit: limit) }
    }
    func eventCount(of run: RunID) async throws -> Int { try await through { try await $0.eventCount(of: run) } }

    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] { try await through { try await $0.contents(keys) } }
    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await claimSteps.withLock { $0.before }?()
        let isClaimed = try await through { try await $0.claim(run, for: owner, from: current) }
        claimSteps.withLock { $0.after }?()
        return isClaimed
    }
    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await through { try await $0.runs(ownedBy: process, limit: limit) }
    }
    func storedSession(_ id: SessionID) async throws -> StoredSession? {
        try await through("session(_:)") { try await $0.storedSession(id) }
    }
    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await through { try await $0.save(session, expecting: version) }
    }
    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await through { try await $0.append(blocks, to: session) }
    }
    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try await through("history(of:from:limit:)") {
            try await $0.storedHistory(of: session, from: offset, limit: limit)
        }
    }
    func deleteSession(_ session: SessionID) async throws -> Bool {
        try await through { try await $0.deleteSession(session) }
    }
    func ping() async throws -> Duration { try await through { try await $0.ping() } }
    func removeAll() async throws { try await through { try await $0.removeAll() } }
    func close() async throws {}

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        try await through { try await $0.coordination.heartbeat(of: process, timeToLive: timeToLive) }
    }
    func liveProcesses() async throws -> Set<ProcessID> {
        try await through { try await $0.coordination.liveProcesses() }
    }
    func lostProcesses() async throws -> Set<ProcessID> {
        try await through { try await $0.coordination.lostProcesses() }
    }
    func leave(_ process: ProcessID) async throws { try await through { try await $0.coordination.leave(process) } }
    func forget(_ process: ProcessID) async throws { try await through { try await $0.coordination.forget(process) } }
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        try await through { try await $0.coordination.send(signal, to: run) }
    }
    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] {
        try await through("signals(to:)") { try await $0.coordination.storedSignals(to: run) }
    }
    func forgetSignals(to run: RunID) async throws {
        try await through { try await $0.coordination.forgetSignals(to: run) }
    }
    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        try await through { try await $0.coordination.announcements(to: process) }
    }
    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        try await through { try await $0.coordination.enqueue(run, in: session) }
    }
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        try await through { try await $0.coordination.dequeue(run, from: session) }
    }
    func changes(of run: RunID) async throws -> AsyncStream<Void> {
        try await through { try await $0.coordination.changes(of: run) }
    }
}
