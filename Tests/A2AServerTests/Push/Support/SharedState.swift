// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPTestSupport
import Logging
import Synchronization

@testable import ACPRuntime

/// Several engines on one storage that reports itself as shared, with a clock that only tests advance, and with
/// connections that can be cut: this simulates processes that have ended.
final class SharedState: Sendable {
    let clock = ManualClock()
    let storage: any Storage
    let lease = Duration.seconds(15)

    init() {
        storage = MemoryStorage(.init(timeToLive: .seconds(86_400)), now: clock.now)
    }

    /// Creates a process with its own connection to the storage.
    func process() async throws -> (engine: RunEngine, connection: Connection) {
        let connection = Connection(to: storage)
        let configuration = EngineConfiguration(
            lease: lease, cancellationGrace: .seconds(300), shutdownGrace: .seconds(300), storageTimeout: .seconds(300))
        let engine = RunEngine(
            storage: connection, configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), now: clock.now)
        try await engine.renewLease()
        return (engine, connection)
    }
}

/// A connection to a storage.
final class Connection: Storage, Coordination {
    private let base: any Storage
    private let isCut = Mutex(false)

    init(to base: any Storage) { self.base = base }

    /// Disconnects the process from the storage.
    func cut() { isCut.withLock { $0 = true } }

    private var open: any Storage {
        get throws {
            if isCut.withLock({ $0 }) { throw StorageError(.cannotConnect, "the connection is cut") }
            return base
        }
    }

    var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: true, timeToLive: base.capabilities.timeToLive)
    }
    var coordination: any Coordination { self }

    func commit(_ commit: RunCommit) async throws { try await open.commit(commit) }
    func storedRun(_ run: RunID) async throws -> StoredRun? { try await open.storedRun(run) }
    func storedInput(of run: RunID) async throws -> Encoded<[Message]>? { try await open.storedInput(of: run) }
    func save(_ run: Run, json: [UInt8]) async throws { try await open.save(run, json: json) }
    func append(_ event: EncodedEvent, to run: RunID) async throws { try await open.append(event, to: run) }
    func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool { try await open.deleteRun(run, forGood: forGood) }
    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> { try await open.storedRuns(query) }
    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try await open.events(of: run, from: offset, limit: limit)
    }
    func eventCount(of run: RunID) async throws -> Int { try await open.eventCount(of: run) }
    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] { try await open.contents(keys) }
    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await open.claim(run, for: owner, from: current)
    }
    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await open.runs(ownedBy: process, limit: limit)
    }
    func storedSession(_ id: SessionID) async throws -> StoredSession? { try await open.storedSession(id) }
    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await open.save(session, expecting: version)
    }
    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await open.append(blocks, to: session)
    }
    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try await open.storedHistory(of: session, from: offset, limit: limit)
    }
    func deleteSession(_ session: SessionID) async throws -> Bool { try await open.deleteSession(session) }
    func ping() async throws -> Duration { try await open.ping() }
    func removeAll() async throws { try await open.removeAll() }
    func close() async throws {}

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        try await open.coordination.heartbeat(of: process, timeToLive: timeToLive)
    }
    func liveProcesses() async throws -> Set<ProcessID> { try await open.coordination.liveProcesses() }
    func lostProcesses() async throws -> Set<ProcessID> { try await open.coordination.lostProcesses() }
    func leave(_ process: ProcessID) async throws { try await open.coordination.leave(process) }
    func forget(_ process: ProcessID) async throws { try await open.coordination.forget(process) }
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        try await open.coordination.send(signal, to: run)
    }
    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] {
        try await open.coordination.storedSignals(to: run)
    }
    func forgetSignals(to run: RunID) async throws { try await open.coordination.forgetSignals(to: run) }
    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        try await open.coordination.announcements(to: process)
    }
    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        try await open.coordination.enqueue(run, in: session)
    }
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        try await open.coordination.dequeue(run, from: session)
    }
    func changes(of run: RunID) async throws -> AsyncStream<Void> { try await open.coordination.changes(of: run) }
}
